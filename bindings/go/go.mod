module github.com/fbat/fbat/bindings/go

go 1.24
