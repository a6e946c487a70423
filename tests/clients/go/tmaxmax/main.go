package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/tmaxmax/go-sse"
)

func main() {
	request, err := http.NewRequest(http.MethodGet, os.Args[1], http.NoBody)
	if err != nil {
		panic(err)
	}
	connection := sse.NewConnection(request)
	connection.Buffer(nil, 1<<21) // A longer event than this ends it.
	connection.SubscribeToAll(func(event sse.Event) {
		var data map[string]any
		if err := json.Unmarshal([]byte(event.Data), &data); err != nil {
			panic(err)
		}
		fmt.Println(event.Type, data)
	})
	panic(connection.Connect())
}
