package observe

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/trial"
)

// silence is what the second incident reported: "Token has not been received in 4634 ms".
const silence = 4634 * time.Millisecond

// soon lets the alarms end soon, so that the next round raises them again.
const soon = "[detector.\"heartbeat.stall\"]\nclear_after = \"3s\"\n[detector.\"heartbeat.network\"]\nclear_after = \"3s\"\n"

// told is what a node says of the heartbeats of another since a time: stall, network, both or nothing.
func (w *world) told(asked *lab.Node, of string, since time.Time) string {
	verdict := ""
	for _, name := range []string{"heartbeat.stall", "heartbeat.network"} {
		for _, a := range named(w.alarms(asked, asked.Name), name, since) {
			if a.Subject == of || a.Subject == "link 0 to "+of {
				verdict += name + " "
				break
			}
		}
	}
	return verdict
}

// quiet waits until no node has an alarm about heartbeats.
func (w *world) quiet() {
	w.t.Helper()
	for _, n := range w.Nodes() {
		w.must(holdfast.Poll(w.ctx, n.Name+" has no alarm about heartbeats", 2*trial.Limit, func(ctx contextT) (bool, error) {
			st, err := call[api.AlarmStatus](w, n, api.PathAlarms)
			if err != nil {
				return false, err
			}
			for _, x := range st.Nodes {
				for _, a := range x.Alarms {
					if a.Name == "heartbeat.stall" || a.Name == "heartbeat.network" {
						return false, fmt.Errorf("%s: %s", x.Node, a.Summary)
					}
				}
			}
			return true, nil
		}))
	}
}

// The token is long enough that nobody is lost: what is to be told apart is the silence itself.
func TestHeartbeat_StallAndNetworkAreToldApart(t *testing.T) {
	w := start(t, holdfast.Options{Options: lab.Options{Nodes: 3}, Totem: "token = 8000\ntoken_retransmits_before_loss_const = 9", Sections: soon})
	n1, n3 := w.Node("n1"), w.Node("n3")
	right := 0
	for round := range runs(2) {
		w.quiet()
		stall := round%2 == 0
		began := time.Now()
		if stall {
			signalled(w, n3, "corosyncd", syscall.SIGSTOP)
			time.Sleep(silence)
			signalled(w, n3, "corosyncd", syscall.SIGCONT)
		} else {
			w.must(w.Net.Pull(3, 0, true))
			time.Sleep(silence)
			w.must(w.Net.Pull(3, 0, false))
		}
		w.must(w.WaitMembers(w.ctx, w.Nodes(), w.Nodes()))
		time.Sleep(2 * time.Second) // what is wrongly told would be told by now
		want, own := "heartbeat.network ", ""
		if stall {
			want = "heartbeat.stall "
			if len(named(w.alarms(n3, "n3"), "heartbeat.stall", began)) == 0 {
				own = "n3 does not see its own stall"
			}
		} else if x := named(w.alarms(n3, "n3"), "heartbeat.stall", began); len(x) > 0 {
			own = "n3: " + x[0].Summary
		}
		got, second := w.told(n1, "n3", began), w.told(w.Node("n2"), "n3", began)
		if got != want || second != want || own != "" {
			t.Errorf("round %d, stall %v: n1 says %q, n2 says %q; %s", round, stall, got, second, own)
			continue
		}
		right++
	}
	t.Logf("%d of %d told apart", right, runs(2))
}

// At the default token the node is lost and fenced before the silence is over; the reason must still be known.
func TestHeartbeat_LossSaysWhetherTheHostStalled(t *testing.T) {
	w := start(t, holdfast.Options{Options: lab.Options{Nodes: 3}, Sections: soon})
	w.resources(0, "10s", "20s")
	n3 := w.Node("n3")
	survivors := []*lab.Node{w.Node("n1"), w.Node("n2")}
	right := 0
	for round := range runs(2) {
		w.must(w.WaitMembers(w.ctx, w.Nodes(), w.Nodes()))
		_, err := w.WaitIdle(w.ctx)
		w.must(err)
		w.quiet()
		time.Sleep(4 * time.Second) // a node judges others when it has known itself to be on time for three
		began, stall, boot := time.Now(), round%2 == 0, n3.Boot()
		if stall {
			signalled(w, n3, "corosyncd", syscall.SIGSTOP)
		} else {
			w.must(w.Net.Pull(3, 0, true))
		}
		w.until("n3 is fenced", func(contextT) (bool, error) { return n3.Boot() > boot, nil })
		if !stall {
			w.must(w.Net.Pull(3, 0, false))
		}
		want := "heartbeat.network "
		if stall {
			want = "heartbeat.stall "
		}
		// One that was late itself, on a busy machine, says nothing. Nobody says what is wrong.
		says := func() string { return w.told(survivors[0], "n3", began) + "|" + w.told(survivors[1], "n3", began) }
		w.until("a survivor says why", func(contextT) (bool, error) { return says() != "|", nil })
		time.Sleep(time.Second) // what is wrongly told would be told by now
		if got := says(); got != want+"|"+want && got != want+"|" && got != "|"+want {
			t.Errorf("round %d, stall %v: n1 and n2 say %q", round, stall, got)
			continue
		}
		right++
	}
	t.Logf("%d of %d told apart", right, runs(2))
}

func signalled(w *world, n *lab.Node, name string, sig syscall.Signal) {
	w.t.Helper()
	if count, err := n.Signal(name, sig); err != nil || count == 0 {
		w.t.Fatalf("signal %s on %s: %d processes, %v", name, n.Name, count, err)
	}
}
