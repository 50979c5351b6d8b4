// Asks the server at ADDRESS for /0 to /COUNT-1, each on a connection of its own, and prints a line
// for each: its number, and the status and the content in hexadecimal, or the error.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

const atATime = 16

var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func ask(url string) string {
	response, err := client.Get(url)
	if err != nil {
		for errors.Unwrap(err) != nil {
			err = errors.Unwrap(err)
		}
		return fmt.Sprintf("error %v", err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Sprintf("error %v", err)
	}
	return fmt.Sprintf("%d,%x", response.StatusCode, content)
}

func main() {
	log.SetOutput(io.Discard)
	count, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatalln(err)
	}
	numbers := make(chan int)
	var workers sync.WaitGroup
	for started := 0; started < atATime; started++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for number := range numbers {
				result := ask(fmt.Sprintf("http://%s/%d", os.Args[1], number))
				fmt.Printf("%d,%s\n", number, strings.ReplaceAll(result, "\n", " "))
			}
		}()
	}
	for number := 0; number < count; number++ {
		numbers <- number
	}
	close(numbers)
	workers.Wait()
}
