package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/r3labs/sse/v2"
)

func main() {
	client := sse.NewClient(os.Args[1], sse.ClientMaxBufferSize(1<<21)) // A longer event than this ends it.
	wait := 2000
	for { // It reconnects after a cut, but not after the regular end of a stream, as when a hub stops.
		err := client.SubscribeRaw(func(event *sse.Event) {
			var data map[string]any
			if err := json.Unmarshal(event.Data, &data); err != nil {
				panic(err)
			}
			fmt.Println(string(event.Event), data)
			if retry, err := strconv.Atoi(string(event.Retry)); err == nil {
				wait = retry
			}
		})
		fmt.Fprintln(os.Stderr, "reconnecting:", err)
		time.Sleep(time.Duration(wait) * time.Millisecond)
	}
}
