package node

import (
	"context"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

func remove(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "remove NODE", Short: "Take a node out of the cluster for good", Min: 1, Max: 1, Complete: complete.First(complete.Nodes(s)),
		Long: `Stop the node first: hcs cluster stop, there. It is then removed from the cluster file, from the configuration and from the votes. On the
machine itself hcs cluster destroy removes what is left. To come back it has to join again.`,
		Run: func(ctx context.Context, args []string) error { return removeNode(ctx, s, args[0]) },
	})
}

func removeNode(ctx context.Context, s *session.Session, name string) error {
	if s.CIBFile != "" {
		return session.Fail(api.CodeUsage, "a node is removed from a cluster, not from a file; leave out --cib")
	}
	crm := s.CRM()
	defer crm.Close()
	var st api.CRMStatus
	if err := crm.Call(ctx, http.MethodGet, api.PathCRMStatus, nil, &st); err != nil {
		return err
	}
	for _, m := range st.View.Members {
		if m.Name == name {
			return session.Fail(api.CodeUnsafe, "%s is a member of the cluster; stop it first, on %s: hcs cluster stop", name, name)
		}
	}
	var file api.ClusterFile
	if err := crm.Call(ctx, http.MethodGet, api.PathFile, nil, &file); err != nil {
		return err
	}
	text, found := clusterfile.WithoutNode(file.Text, name)
	if !found {
		doc, err := s.Document(ctx)
		if err != nil {
			return err
		}
		if _, err := edit.Node(doc.Child("configuration"), name); err != nil {
			return err
		}
	}
	if err := s.Confirm("Take " + name + " out of the cluster for good?"); err != nil {
		return err
	}
	if found {
		if err := crm.Call(ctx, http.MethodPut, api.PathFile, api.ClusterFile{Text: text, Base: file.Version}, nil); err != nil {
			return err
		}
	}
	if err := crm.Call(ctx, http.MethodDelete, api.PathRemove+"?name="+url.QueryEscape(name), nil, nil); err != nil {
		return session.Fail(session.Code(err), "%s is out of the cluster file, but its entry in the configuration is still there: %v\nRun the command again.", name, err)
	}
	s.Say("Removed node %s.", name)
	if s.JSON {
		return s.PrintJSON(map[string]string{"removed": name})
	}
	return nil
}
