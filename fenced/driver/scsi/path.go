package scsi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/scsipr"
)

// Transport carries commands to one logical unit over one path.
type Transport interface {
	// Do sends a command with out as its data, or asks for up to in bytes. It returns when ctx ends, whatever
	// the unit does. err is about the way there; what the unit says is in status and sense.
	Do(ctx context.Context, cdb, out []byte, in int) (data []byte, status byte, sense []byte, err error)
	Close()
}

// Open opens a path: the name of a block device.
type Open func(path string) (Transport, error)

// path is one way from this node to a logical unit.
type path struct {
	name string
	t    Transport
}

const (
	// atOnce bounds how often a command is sent again because the unit had something to tell first: there is a
	// queue of that for each initiator.
	atOnce = 8
	// laterPause lies between two attempts while a unit is busy.
	laterPause = 50 * time.Millisecond
	// laterTries bounds them.
	laterTries = 20
)

// do sends a command until the unit has done it, refused it, or the time is over.
func (p *path) do(ctx context.Context, what string, cdb, out []byte, in int) ([]byte, error) {
	soon, later := 0, 0
	for {
		data, status, raw, err := p.t.Do(ctx, cdb, out, in)
		if err != nil {
			return nil, fmt.Errorf("%s on %s: %w", what, p.name, err)
		}
		if status == scsipr.Good {
			return data, nil
		}
		sense := scsipr.ParseSense(raw)
		failed := &scsipr.Error{What: what + " on " + p.name, Status: status, Sense: sense}
		switch scsipr.Judge(status, sense) {
		case scsipr.AtOnce:
			if soon++; soon > atOnce {
				return nil, failed
			}
		case scsipr.Later:
			if later++; later > laterTries {
				return nil, failed
			}
			select {
			case <-time.After(laterPause):
			case <-ctx.Done():
				return nil, fmt.Errorf("%w: %w", failed, ctx.Err())
			}
		default:
			return nil, failed
		}
	}
}

func (p *path) in(ctx context.Context, action scsipr.In, allocation int) ([]byte, error) {
	return p.do(ctx, action.String(), action.CDB(allocation), nil, allocation)
}

func (p *path) out(ctx context.Context, o scsipr.Out) error {
	_, err := p.do(ctx, o.Action.String(), o.CDB(), o.List(), 0)
	return err
}

// ready clears what the unit has to tell, such as that it was reset.
func (p *path) ready(ctx context.Context) error {
	_, err := p.do(ctx, "TEST UNIT READY", scsipr.TestUnitReady(), nil, 0)
	return err
}

// maxAllocation is what a command can ask for.
const maxAllocation = 0xffff

func (p *path) keys(ctx context.Context) (scsipr.Keys, error) {
	raw, err := p.in(ctx, scsipr.ReadKeys, scsipr.Allocation)
	if err != nil {
		return scsipr.Keys{}, err
	}
	k, err := scsipr.ParseKeys(raw)
	if err == nil && k.Missing > 0 {
		if raw, err = p.in(ctx, scsipr.ReadKeys, maxAllocation); err == nil {
			k, err = scsipr.ParseKeys(raw)
		}
		if err == nil && k.Missing > 0 {
			err = errors.New("more registrations than one answer can hold")
		}
	}
	if err != nil {
		return k, fmt.Errorf("READ KEYS on %s: %w", p.name, err)
	}
	return k, nil
}

func (p *path) reservation(ctx context.Context) (scsipr.Reservation, error) {
	raw, err := p.in(ctx, scsipr.ReadReservation, scsipr.Allocation)
	if err != nil {
		return scsipr.Reservation{}, err
	}
	r, err := scsipr.ParseReservation(raw)
	if err != nil {
		return r, fmt.Errorf("READ RESERVATION on %s: %w", p.name, err)
	}
	return r, nil
}

func (p *path) fullStatus(ctx context.Context) ([]scsipr.Registration, error) {
	raw, err := p.in(ctx, scsipr.ReadFullStatus, maxAllocation)
	if err != nil {
		return nil, err
	}
	_, list, err := scsipr.ParseFullStatus(raw)
	if err != nil {
		return nil, fmt.Errorf("READ FULL STATUS on %s: %w", p.name, err)
	}
	return list, nil
}

func (p *path) capabilities(ctx context.Context) (scsipr.Capabilities, error) {
	raw, err := p.in(ctx, scsipr.ReportCapabilities, scsipr.Allocation)
	if err != nil {
		return scsipr.Capabilities{}, err
	}
	c, err := scsipr.ParseCapabilities(raw)
	if err != nil {
		return c, fmt.Errorf("REPORT CAPABILITIES on %s: %w", p.name, err)
	}
	return c, nil
}

// conflict reports whether the unit refused a command because of who asked.
func conflict(err error) bool {
	var e *scsipr.Error
	return errors.As(err, &e) && e.Conflict()
}

// unsupported reports whether the unit does not know a command.
func unsupported(err error) bool {
	var e *scsipr.Error
	return errors.As(err, &e) && (e.Sense == scsipr.InvalidOpcode || e.Sense == scsipr.InvalidField)
}
