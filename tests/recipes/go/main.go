package main

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
)

// Logs each line of its standard input with the recipe of docs/publishers.md, and answers it when the logger has returned.
func main() {
	hub := NewHub("127.0.0.1:6379", "app")
	defer hub.Close()
	logger := slog.New(slog.NewJSONHandler(hub, nil))
	for texts := bufio.NewScanner(os.Stdin); texts.Scan(); {
		logger.Warn(texts.Text(), "logger", "shop")
		fmt.Println("logged")
	}
}
