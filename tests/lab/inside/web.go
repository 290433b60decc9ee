package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// webMain is a web server that says hello from the node it runs on. Its argument is the address to listen on.
func webMain(args []string) int {
	addr := ":80"
	if len(args) > 0 {
		addr = args[0]
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "holdfast-hello: %v\n", err)
		return 1
	}
	body := "hello from " + hostname() + "\n"
	answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
	for {
		conn, err := l.Accept()
		if err != nil {
			fmt.Fprintf(os.Stderr, "holdfast-hello: %v\n", err)
			return 1
		}
		go hello(conn, answer)
	}
}

// hello reads one request and answers it.
func hello(conn net.Conn, answer string) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if strings.TrimSpace(line) == "" {
			break
		}
	}
	conn.Write([]byte(answer))
}
