package admission

import (
	"net"
	"sync"
	"time"
)

// Limits of what machines without a certificate may ask for. A person mistypes a few times; a program that
// guesses gets nowhere.
const (
	// burst is how many requests one address may make at once, refill how often it gets another one.
	burst  = 10
	refill = 2 * time.Second
	// maxAddresses bounds the addresses that are remembered.
	maxAddresses = 1024
	// maxParallel bounds the requests in progress.
	maxParallel = 4
)

// limiter is a token bucket for each address.
type limiter struct {
	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	spent float64
	at    time.Time
}

// allow takes one request of an address (host:port) into account.
func (l *limiter) allow(remote string, now time.Time) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buckets == nil || len(l.buckets) >= maxAddresses {
		l.buckets = make(map[string]bucket)
	}
	b := l.buckets[host]
	if !b.at.IsZero() {
		b.spent = max(0, b.spent-float64(now.Sub(b.at))/float64(refill))
	}
	b.at = now
	ok := b.spent+1 <= burst
	if ok {
		b.spent++
	}
	l.buckets[host] = b
	return ok
}
