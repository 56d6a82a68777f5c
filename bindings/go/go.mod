module fbat.example/go

go 1.24
