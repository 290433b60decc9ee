package outline

import "github.com/holdfast-ha/holdfast/cib/cibxml"

// Op is how an object differs.
type Op string

const (
	Added   Op = "add"
	Removed Op = "remove"
	Changed Op = "change"
)

// Change is an object that is not the same in two configurations.
type Change struct {
	Op       Op              `json:"op"`
	Kind     string          `json:"kind"`
	ID       string          `json:"id,omitempty"`
	Settings []SettingChange `json:"settings,omitempty"`
}

// Name is kind and id.
func (c *Change) Name() string { return (&Object{Kind: c.Kind, ID: c.ID}).Name() }

// SettingChange is a setting with its values before and after; one of them is "" when the setting was or is not
// there.
type SettingChange struct {
	Key string `json:"key"`
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// Diff lists what differs between two configurations: first what is gone, then what has changed or is new in the
// order of the new one. Ids of parts and the order of what has none of its own do not count.
func Diff(old, new *cibxml.Element) []Change {
	before, after := Read(old), Read(new)
	var changes []Change
	for i := range before {
		if find(after, &before[i]) == nil {
			changes = append(changes, change(Removed, &before[i], nil))
		}
	}
	for i := range after {
		was := find(before, &after[i])
		switch {
		case was == nil:
			changes = append(changes, change(Added, nil, &after[i]))
		default:
			if c := change(Changed, was, &after[i]); len(c.Settings) > 0 {
				changes = append(changes, c)
			}
		}
	}
	return changes
}

func find(list []Object, o *Object) *Object {
	for i := range list {
		if list[i].Kind == o.Kind && list[i].ID == o.ID {
			return &list[i]
		}
	}
	return nil
}

// change compares the settings of an object; nil has none.
func change(op Op, old, new *Object) Change {
	c := Change{Op: op}
	var before, after []Setting
	if old != nil {
		c.Kind, c.ID, before = old.Kind, old.ID, old.Settings
	}
	if new != nil {
		c.Kind, c.ID, after = new.Kind, new.ID, new.Settings
	}
	values := func(list []Setting) map[string]string {
		m := make(map[string]string, len(list))
		for _, s := range list {
			m[s.Key] = s.Value
		}
		return m
	}
	was, is := values(before), values(after)
	for _, s := range before {
		if v, kept := is[s.Key]; kept && v != s.Value {
			c.Settings = append(c.Settings, SettingChange{s.Key, s.Value, v})
		} else if !kept {
			c.Settings = append(c.Settings, SettingChange{s.Key, s.Value, ""})
		}
	}
	for _, s := range after {
		if _, had := was[s.Key]; !had {
			c.Settings = append(c.Settings, SettingChange{s.Key, "", s.Value})
		}
	}
	return c
}
