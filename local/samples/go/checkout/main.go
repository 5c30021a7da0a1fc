package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

func call(method, path, body, app string) (int, string) {
	request, err := http.NewRequest(method, "http://localhost:"+os.Getenv("DAPR_HTTP_PORT")+path, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("content-type", "application/json")
	if app != "" {
		request.Header.Set("dapr-app-id", app)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func main() {
	for id := 1; id <= 3; id++ {
		status, _ := call("POST", "/v1.0/publish/orderpubsub/orders", fmt.Sprintf(`{"orderId":%d}`, id), "")
		fmt.Printf("Published: %d %d\n", id, status)
	}
	call("POST", "/v1.0/state/statestore", `[{"key":"1","value":{"orderId":1}}]`, "")
	_, text := call("GET", "/v1.0/state/statestore/1", "", "")
	fmt.Printf("Retrieved: %s\n", text)
	status, _ := call("DELETE", "/v1.0/state/statestore/1", "", "")
	fmt.Printf("Deleted: %d\n", status)
	for {
		status, text := call("POST", "/orders", `{"orderId":4}`, "order-processor")
		if status == 200 { // until then, the other app still starts
			fmt.Printf("Order passed: %s\n", text)
			return
		}
	}
}
