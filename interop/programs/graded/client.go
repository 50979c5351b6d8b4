// Go's own client, asked to fetch a URL. It fails for an error status.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	content, err := io.ReadAll(response.Body)
	fmt.Println(response.Status, string(content))
	if err != nil || response.StatusCode >= 400 {
		os.Exit(1)
	}
}
