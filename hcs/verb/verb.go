// Package verb makes the commands of hcs.
package verb

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/session"
)

// Verb describes a command.
type Verb struct {
	// Use is the command's name with its operands: move RESOURCE [NODE].
	Use   string
	Short string
	Long  string
	// Examples are command lines with a remark above each.
	Examples string
	// Min and Max bound the number of operands; Max -1 does not.
	Min, Max int
	Run      func(ctx context.Context, args []string) error
	Flags    func(f *pflag.FlagSet)
	// Complete suggests words for the next operand; args are those before it.
	Complete func(ctx context.Context, args []string) []string
}

// New makes a command that does something.
func New(v Verb) *cobra.Command {
	c := &cobra.Command{Use: v.Use, Short: v.Short, Long: long(v.Short, v.Long), Example: v.Examples,
		DisableFlagsInUseLine: true, ValidArgsFunction: completion(v.Complete),
		Args: func(cmd *cobra.Command, args []string) error { return count(cmd, v, args) },
		RunE: func(cmd *cobra.Command, args []string) error { return v.Run(cmd.Context(), args) }}
	if v.Flags != nil {
		v.Flags(c.Flags())
	}
	return c
}

// Noun makes a command that only has commands below it.
func Noun(use, short, more string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Long: long(short, more), DisableFlagsInUseLine: true, SuggestionsMinimumDistance: 2,
		Args: func(cmd *cobra.Command, args []string) error { return unknown(cmd, args) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.AddCommand(below...)
	return c
}

func long(short, more string) string {
	text := short + "."
	if more != "" {
		text += "\n\n" + strings.TrimSpace(more)
	}
	return text
}

// count checks the number of operands.
func count(cmd *cobra.Command, v Verb, args []string) error {
	switch {
	case len(args) < v.Min:
		operands := strings.Fields(v.Use)[1:]
		missing := "an operand"
		if len(args) < len(operands) {
			missing = strings.Trim(operands[len(args)], "[]")
		}
		return session.Fail(api.CodeUsage, "%s: %s is missing; usage: %s %s", cmd.CommandPath(), missing, cmd.CommandPath(), strings.Join(operands, " "))
	case v.Max >= 0 && len(args) > v.Max:
		return session.Fail(api.CodeUsage, "%s: %q is too much; usage: %s", cmd.CommandPath(), args[v.Max], cmd.UseLine())
	}
	return nil
}

// unknown says that there is no such command below a noun.
func unknown(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	msg := "there is no command \"" + cmd.CommandPath() + " " + args[0] + "\""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		msg += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return session.Fail(api.CodeUsage, "%s See: %s --help", dotted(msg), cmd.CommandPath())
}

func dotted(msg string) string {
	if strings.HasSuffix(msg, "?") {
		return msg
	}
	return msg + "."
}

func completion(words func(ctx context.Context, args []string) []string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if words == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completionTimeout)
		defer cancel()
		list := words(ctx, args)
		if list == nil {
			return nil, cobra.ShellCompDirectiveDefault // files
		}
		var fit []string
		for _, w := range list {
			if strings.HasPrefix(w, start) {
				fit = append(fit, w)
			}
		}
		return fit, cobra.ShellCompDirectiveNoFileComp
	}
}

// completionTimeout bounds how long a shell waits for suggestions.
const completionTimeout = 3 * time.Second

// defaultWait is how long --wait without a time waits.
const defaultWait = 5 * time.Minute

// Wait gives a command the option --wait.
func Wait(s *session.Session, f *pflag.FlagSet) {
	f.DurationVar(&s.Wait, "wait", 0, "wait until the cluster has carried the change out, at most this `time`")
	f.Lookup("wait").NoOptDefVal = defaultWait.String()
}
