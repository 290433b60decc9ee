package cli

import (
	"fmt"
	"strings"
)

// Arg says whether an option takes a value.
type Arg uint8

const (
	NoArg Arg = iota
	// NeedArg takes the rest of the word or the next word.
	NeedArg
	// MayArg takes a value only when it is attached: --long=value or -xvalue.
	MayArg
)

// Option is a row of a command's option table.
type Option struct {
	Long  string // without dashes; "" for none
	Short byte   // 0 for none
	Arg   Arg
	// Do is called for each occurrence, in order. The value is "" when there is none.
	Do   func(value string) error
	Meta string // name of the value in the help
	Help string // "" hides the option
	// Heading starts a section of the help before this option.
	Heading string
}

// UsageError is a mistake in the command line; commands end with exit status 64.
type UsageError struct{ Msg string }

func (e *UsageError) Error() string { return e.Msg }

func usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// Parse handles args as getopt_long does: options and operands mixed, clusters of short options, unique
// prefixes of long ones, and "--" as the end. It returns the operands.
func Parse(options []Option, args []string) (operands []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(operands, args...), nil
		case strings.HasPrefix(arg, "--"):
			args, err = parseLong(options, arg[2:], args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = parseShort(options, arg[1:], args)
		default:
			operands = append(operands, arg)
		}
		if err != nil {
			return nil, err
		}
	}
	return operands, nil
}

func parseLong(options []Option, word string, rest []string) ([]string, error) {
	name, value, attached := strings.Cut(word, "=")
	o, err := findLong(options, name)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Arg == NoArg && attached:
		return nil, usagef("option --%s takes no value", o.Long)
	case o.Arg == NeedArg && !attached:
		if len(rest) == 0 {
			return nil, usagef("option --%s needs a value", o.Long)
		}
		value, rest = rest[0], rest[1:]
	}
	return rest, o.Do(value)
}

func findLong(options []Option, name string) (*Option, error) {
	var found *Option
	for i := range options {
		o := &options[i]
		if o.Long == name && name != "" {
			return o, nil
		}
		if o.Long != "" && name != "" && strings.HasPrefix(o.Long, name) {
			if found != nil {
				return nil, usagef("option --%s is ambiguous: --%s or --%s", name, found.Long, o.Long)
			}
			found = o
		}
	}
	if found == nil {
		return nil, usagef("unknown option --%s", name)
	}
	return found, nil
}

func parseShort(options []Option, cluster string, rest []string) ([]string, error) {
	for len(cluster) > 0 {
		c := cluster[0]
		cluster = cluster[1:]
		var o *Option
		for i := range options {
			if options[i].Short == c {
				o = &options[i]
			}
		}
		if o == nil {
			return nil, usagef("unknown option -%c", c)
		}
		value := ""
		switch {
		case o.Arg == NeedArg && cluster == "":
			if len(rest) == 0 {
				return nil, usagef("option -%c needs a value", c)
			}
			value, rest = rest[0], rest[1:]
		case o.Arg != NoArg:
			value, cluster = cluster, ""
		}
		if err := o.Do(value); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// Flag makes an action that sets a bool.
func Flag(p *bool) func(string) error {
	return func(string) error { *p = true; return nil }
}

// Text makes an action that stores the value.
func Text(p *string) func(string) error {
	return func(v string) error { *p = v; return nil }
}

// List makes an action that appends the value.
func List(p *[]string) func(string) error {
	return func(v string) error { *p = append(*p, v); return nil }
}

// Help prints the option table.
func Help(name, summary, usage string, options []Option) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\nUsage: %s %s\n", name, summary, name, usage)
	for i := range options {
		o := &options[i]
		if o.Heading != "" {
			fmt.Fprintf(&b, "\n%s:\n", o.Heading)
		}
		if o.Help == "" {
			continue
		}
		var names []string
		if o.Short != 0 {
			names = append(names, "-"+string(o.Short))
		}
		if o.Long != "" {
			names = append(names, "--"+o.Long)
		}
		left := strings.Join(names, ", ")
		switch o.Arg {
		case NeedArg:
			left += "=" + o.Meta
		case MayArg:
			left += "[=" + o.Meta + "]"
		}
		fmt.Fprintf(&b, "  %-32s %s\n", left, o.Help)
	}
	return b.String()
}
