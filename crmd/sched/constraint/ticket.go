package constraint

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

func (r *reader) ticket(e *cibxml.Element) {
	name, ok := e.Lookup("ticket")
	if !ok {
		r.log.ConfigError("Ignoring constraint '%s' without ticket specified", e.ID())
		return
	}
	t := r.m.Tickets[name]
	if t == nil {
		t = &model.Ticket{ID: name, LastGranted: -1} // nobody has granted it yet
	}
	expanded, ok := r.ticketTags(e)
	if !ok {
		return
	}
	sets := false
	for set := range r.sets(expanded) {
		sets = true
		if set == nil {
			return
		}
		list, ok := r.members(set, set.ID())
		for _, x := range list {
			r.addTicket(e, x, t, set.Get("role"))
		}
		if !ok {
			return
		}
	}
	if sets {
		return
	}
	id, ok := e.Lookup("rsc")
	if !ok {
		r.log.ConfigError("Ignoring constraint '%s' without resource", e.ID())
		return
	}
	x := r.find(id)
	if x == nil {
		r.log.ConfigError("Ignoring constraint '%s' because resource '%s' does not exist", e.ID(), id)
		return
	}
	if x, ok = r.instance(e, x, "rsc-instance"); ok {
		r.addTicket(e, x, t, e.Get("rsc-role"))
	}
}

func (r *reader) addTicket(e *cibxml.Element, x *model.Resource, t *model.Ticket, role string) {
	c := &Ticket{ID: e.ID(), Ticket: t, Role: anyRole(role)}
	policy := strings.ToLower(e.Get("loss-policy"))
	if policy == "fence" && !r.m.Options.Fencing {
		r.log.ConfigError("Resetting 'loss-policy' for ticket '%s' to 'stop' because fencing is not configured", t.ID)
		policy = "stop"
	}
	switch {
	case policy == "fence":
		c.Loss = LossFence
	case policy == "freeze":
		c.Loss = LossFreeze
	case policy == "demote", policy != "stop" && c.Role == model.Promoted:
		c.Loss = LossDemote
	}
	of := &r.By[x.Index]
	of.Tickets = append(of.Tickets, c)
	r.lose(x, c)
}

// lose applies a ticket that is not there to a resource and all below it.
func (r *reader) lose(x *model.Resource, c *Ticket) {
	if c.Ticket.Granted && !c.Ticket.Standby {
		return
	}
	if len(x.Children) > 0 {
		for _, child := range x.Children {
			r.lose(child, c)
		}
		return
	}
	st := r.s.Rsc(x)
	concerned := c.Role == model.RoleUnknown || c.Role == st.Role
	if !c.Ticket.Granted && len(st.Running) > 0 {
		switch {
		case c.Loss == LossStop, c.Loss == LossDemote && c.Role != model.Promoted:
			r.ban(x, c, "has been lost")
		case c.Loss == LossFence && concerned:
			r.ban(x, c, "has been lost")
			for _, n := range st.Running {
				r.b.Fence(n, "deadman ticket was lost", false)
			}
		case c.Loss == LossFreeze && concerned:
			st.Managed, st.Blocked = false, true
		}
		return
	}
	if c.Role != model.Promoted || c.Loss == LossStop {
		r.ban(x, c, "is not granted or in standby")
	}
}

func (r *reader) ban(x *model.Resource, c *Ticket, why string) {
	r.log.Note("score", x.ID, "may run nowhere: ticket %s %s (constraint %s)", c.Ticket.ID, why, c.ID)
	r.s.BanAll(r.m, x)
}
