package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-ha/holdfast/api"
)

var same = cmp.AllowUnexported(Message{})

// examples are one message of each kind of value.
func examples() []*Message {
	return []*Message{
		(&Message{Type: Preinit, Seq: 1, Cluster: "demo"}).With(OptSeq, OptCluster),
		(&Message{Type: Init, Seq: 3, Messages: AllTypes(), Options: AllOptions(), Node: 2, Algorithm: FFSplit, Heartbeat: 8000,
			TieBreaker: TieBreaker{TieNode, 2}, Ring: api.RingID{Rep: 1, Seq: 1 << 40}}).With(OptSeq, OptMessages, OptOptions, OptNode, OptAlgorithm, OptHeartbeat, OptTieBreaker, OptRing),
		(&Message{Type: InitReply, Error: ErrDuplicateNode, MaxRequest: 1, MaxReply: 2, Algorithms: []Algorithm{LMS}}).With(OptError, OptMaxRequest, OptMaxReply, OptAlgorithms),
		(&Message{Type: NodeList, Seq: 9, ListType: Quorum, Quorate: true, ConfigVersion: 7, Heuristics: HeuristicsFail,
			Nodes: []Node{{ID: 1, State: StateMember}, {ID: 2, DataCenter: 5, State: StateDead}, {ID: 70000}}}).With(OptSeq, OptListType, OptQuorate, OptConfigVersion, OptHeuristics, OptNodeInfo),
		(&Message{Type: SetOption, KeepActive: true}).With(OptKeepActive),
		(&Message{Type: VoteInfo, Vote: NACK, Ring: api.RingID{Rep: 3, Seq: 4}}).With(OptVote, OptRing),
		(&Message{Type: PreinitReply, TLS: TLSRequired, ClientCert: true}).With(OptTLS, OptClientCert),
	}
}

func TestAppend_IsWhatTheReferenceSends(t *testing.T) {
	if got := hex.EncodeToString(examples()[0].Append(nil)); got != "0000000000100000000400000001000100046465"+"6d6f" {
		t.Error(got)
	}
}

func TestRead_GivesBackWhatWasAppended(t *testing.T) {
	var stream []byte
	for _, m := range examples() {
		stream = m.Append(stream)
	}
	r := bytes.NewReader(stream)
	for _, want := range examples() {
		got, err := Read(r, MaxMessage)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, same); d != "" {
			t.Error(d)
		}
	}
	if _, err := Read(r, MaxMessage); err != io.EOF {
		t.Error(err)
	}
}

func TestRead_GoesOnBehindWhatItDoesNotAccept(t *testing.T) {
	long := (&Message{Type: Preinit, Cluster: string(make([]byte, 2000))}).With(OptCluster).Append(nil)
	unknown := []byte{0, 99, 0, 0, 0, 2, 1, 2}
	wrong := []byte{0, 10, 0, 0, 0, 13, 0, 0, 0, 4, 0, 0, 0, 8, 0, 18, 0, 1, 9}
	over := []byte{0, 10, 0, 0, 0, 4, 0, 0, 0, 4}
	r := bytes.NewReader(bytes.Join([][]byte{long, unknown, wrong, over, examples()[0].Append(nil)}, nil))
	if _, err := Read(r, 1000); !errors.Is(err, ErrTooLongMessage) {
		t.Error(err)
	}
	var de *DecodeError
	if _, err := Read(r, 1000); !errors.As(err, &de) || !de.Unknown || de.Type != 99 {
		t.Error(err)
	}
	if _, err := Read(r, 1000); !errors.As(err, &de) || !de.HasSeq || de.Seq != 8 {
		t.Error(err)
	}
	if _, err := Read(r, 1000); !errors.As(err, &de) {
		t.Error(err)
	}
	if m, err := Read(r, 1000); err != nil || m.Cluster != "demo" {
		t.Error(m, err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range examples() {
		f.Add(m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Read(bytes.NewReader(raw), MaxMessage)
		if err != nil {
			return
		}
		again, err := Read(bytes.NewReader(m.Append(nil)), 2*MaxMessage)
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		if d := cmp.Diff(m, again, same); d != "" {
			t.Error(d)
		}
	})
}
