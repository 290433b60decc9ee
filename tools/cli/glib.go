package cli

import "strings"

// ParseGLib handles args as those commands do that use GLib: long options are not abbreviated, short ones may
// be clustered, an option that may have a value takes the next word unless that is an option too, and "--" is
// the end. It returns the operands.
func ParseGLib(options []Option, args []string) (operands []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(operands, args...), nil
		case strings.HasPrefix(arg, "--"):
			args, err = glibLong(options, arg, args)
		case len(arg) > 1 && arg[0] == '-' && !isNumber(options, arg[1:]):
			args, err = glibShort(options, arg[1:], args)
		default:
			operands = append(operands, arg)
		}
		if err != nil {
			return nil, err
		}
	}
	return operands, nil
}

func glibLong(options []Option, arg string, rest []string) ([]string, error) {
	name, value, attached := strings.Cut(arg[2:], "=")
	for i := range options {
		if o := &options[i]; o.Long == name && name != "" {
			if !attached {
				return glibValue(o, arg, rest)
			}
			if o.Arg == NoArg {
				value = ""
			}
			return rest, o.Do(value)
		}
	}
	return nil, usagef("Unknown option %s", arg)
}

func glibShort(options []Option, cluster string, rest []string) ([]string, error) {
	for i := range len(cluster) {
		o := withShort(options, cluster[i])
		if o == nil {
			return nil, usagef("Unknown option -%c", cluster[i])
		}
		if o.Arg != NoArg && i+1 < len(cluster) {
			return rest, o.Do(cluster[i+1:])
		}
		var err error
		if rest, err = glibValue(o, "-"+string(cluster[i]), rest); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// glibValue calls an option whose value, if it has one, is the next word.
func glibValue(o *Option, spelling string, rest []string) ([]string, error) {
	switch {
	case o.Arg == NoArg, o.Arg == MayArg && (len(rest) == 0 || strings.HasPrefix(rest[0], "-")):
		return rest, o.Do("")
	case len(rest) == 0:
		return nil, usagef("Missing argument for %s", spelling)
	}
	return rest[1:], o.Do(rest[0])
}

func withShort(options []Option, c byte) *Option {
	for i := range options {
		if options[i].Short == c {
			return &options[i]
		}
	}
	return nil
}

// isNumber tells a negative number from a cluster of options.
func isNumber(options []Option, s string) bool {
	if s == "INFINITY" {
		return true
	}
	return strings.Trim(s, "0123456789") == "" && withShort(options, s[0]) == nil
}
