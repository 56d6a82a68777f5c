package main

import (
	"fmt"
	"log"

	fbat "github.com/fbat/fbat/bindings/go"
)

func main() {
	store, err := fbat.Open("lamps")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Append(fbat.Event{Entity: "lamp:kitchen", Scope: "home", Kind: 0x1001, Payload: []byte("on")}); err != nil {
		log.Fatal(err)
	}
	for record, err := range store.Events() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %s\n", record.Entity, record.Payload)
	}
}
