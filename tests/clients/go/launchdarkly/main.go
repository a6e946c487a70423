package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/launchdarkly/eventsource"
)

func main() {
	stream, err := eventsource.SubscribeWithURL(os.Args[1],
		eventsource.StreamOptionCanRetryFirstConnection(-1), eventsource.StreamOptionReadTimeout(time.Minute))
	if err != nil {
		panic(err)
	}
	for {
		select {
		case event := <-stream.Events:
			var data map[string]any
			if err := json.Unmarshal([]byte(event.Data()), &data); err != nil {
				panic(err)
			}
			fmt.Println(event.Event(), data)
		case err := <-stream.Errors: // It waits until somebody takes the error.
			fmt.Fprintln(os.Stderr, err)
		}
	}
}
