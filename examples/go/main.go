// Command server counts the words of the text that is posted to it.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

// CountWords returns the number of words in text.
func CountWords(text io.Reader) (int, error) {
	scanner := bufio.NewScanner(text)
	scanner.Split(bufio.ScanWords)
	words := 0
	for scanner.Scan() {
		words++
	}
	return words, scanner.Err()
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "count" {
		words, err := CountWords(os.Stdin)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(words)
		return
	}
	http.HandleFunc("/", func(response http.ResponseWriter, request *http.Request) {
		words, err := CountWords(request.Body)
		if err != nil {
			http.Error(response, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintln(response, words)
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
