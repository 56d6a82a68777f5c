module github.com/fbat-db/fbat/bindings/go

go 1.24
