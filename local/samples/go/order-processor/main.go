package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/dapr/subscribe", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("content-type", "application/json")
		fmt.Fprint(w, `[{"pubsubname":"orderpubsub","topic":"orders","route":"/events"}]`)
	})
	http.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		var event struct{ Data json.RawMessage }
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Printf("Subscriber received: %s\n", event.Data)
		fmt.Fprint(w, `{"status":"SUCCESS"}`)
	})
	http.HandleFunc("/orders", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("APP_PORT"), nil))
}
