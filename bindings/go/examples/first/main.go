package main

import (
	"context"
	"fmt"
	"log"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

func main() {
	ctx := context.Background()
	store, err := fbat.Open(ctx, "lamps", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	on := fbat.Event{Entity: "lamp:kitchen", Scope: "home", Kind: 0x1001, Payload: []byte("on")}
	if _, err := store.Append(on); err != nil {
		log.Fatal(err)
	}
	for record, err := range store.Events(ctx, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %s\n", record.Entity, record.Payload)
	}
}
