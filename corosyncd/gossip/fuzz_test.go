package gossip

import (
	"encoding/json"
	"io"
	"log/slog"
	"testing"

	"github.com/hashicorp/memberlist"
)

// What other members say is data: nothing of it may end the daemon or make it grow.
func FuzzNotifyMsg(f *testing.F) {
	raw, err := json.Marshal(Command{From: 1, To: 2, Seq: 3, Do: "key-add", Secret: []byte("secret")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"do":{},"seq":-1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := &delegate{cfg: Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, commands: make(chan Command, maxCommands)}
		for range maxCommands + 1 {
			d.NotifyMsg(raw)
		}
		if n := len(d.commands); n > 0 && n != maxCommands {
			t.Errorf("%d commands wait", n)
		}
		d.MergeRemoteState(raw, true)
		if d.NotifyAlive(&memberlist.Node{Name: string(raw), Addr: raw, Meta: raw}) == nil {
			t.Error("a stranger was let in")
		}
	})
}
