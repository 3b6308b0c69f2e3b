module example/links

go 1.22
