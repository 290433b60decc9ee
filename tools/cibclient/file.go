package cibclient

import (
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/acl"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/schema"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// file is a CIB in a file. Every change is saved at once.
type file struct {
	path   string
	doc    *cibxml.Element
	groups []string // of the user, as pcsd knows them
}

func (f *file) close() {}

// openFile reads a CIB. A status section is added where there is none; what the schema does not allow is
// refused.
func openFile(env *cli.Env, path string) (*file, error) {
	raw, err := ReadFile(env, path)
	if err != nil {
		return nil, &cib.Error{Code: cib.CodeNoObject, Msg: "No such device or address", Detail: []string{err.Error()}}
	}
	doc, err := cibxml.Parse(string(raw))
	if err != nil {
		return nil, invalid(fmt.Sprintf("%s: %v", path, err))
	}
	if doc.Name != "cib" {
		return nil, invalid(fmt.Sprintf("%s: the document is a <%s>, not a <cib>", path, doc.Name))
	}
	if doc.Child("status") == nil {
		doc = cib.WithStatus(doc, cibxml.New("status"))
	}
	if _, named := doc.Lookup("validate-with"); !named {
		doc = cib.WithAttrs(doc, "validate-with", schema.Detect(doc))
	}
	if problems := schema.Check(nil, doc); len(problems) > 0 {
		var lines []string
		for _, p := range problems {
			lines = append(lines, path+": "+p.String())
		}
		return nil, invalid(lines...)
	}
	return &file{path, doc, strings.Fields(env.Getenv("CIB_user_groups"))}, nil
}

func invalid(detail ...string) error {
	return &cib.Error{Code: cib.CodeSchema, Msg: "Update does not conform to the configured schema", Detail: detail}
}

// ReadFile reads a whole file, which may be compressed with bzip2, or standard input for "-".
func ReadFile(env *cli.Env, path string) ([]byte, error) {
	var in io.Reader = env.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	if strings.HasSuffix(path, ".bz2") {
		in = bzip2.NewReader(in)
	}
	raw, err := io.ReadAll(io.LimitReader(in, cibxml.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return raw, nil
}

func (f *file) do(ctx context.Context, cmd cib.Command) (Result, error) {
	cmd.Now = 0 // a file keeps the time of the last change that the cluster made
	view, check, err := acl.Guard(f.doc, cmd.User, f.groups)
	if err != nil {
		return Result{}, err
	}
	if cmd.Op.Writes() {
		view, cmd.Check = f.doc, check
	}
	r, err := cib.Apply(view, cmd)
	if err != nil {
		return Result{}, withoutSecrets(err, check != nil)
	}
	if cmd.Op.Writes() {
		if err := f.save(ctx, r.Doc); err != nil {
			return Result{}, err
		}
		f.doc = r.Doc
	}
	return Result{Output: r.Output, Version: cib.VersionOf(r.Doc), Note: r.Note}, nil
}

// withoutSecrets takes the refused document out of an error that a restricted user gets.
func withoutSecrets(err error, restricted bool) error {
	var refused *cib.Error
	if restricted && errors.As(err, &refused) {
		refused.Refused = nil
	}
	return err
}

// save writes the document back. The file is replaced atomically; those who have the old one open, as pcs has
// its temporary files, find the new content there as well.
func (f *file) save(ctx context.Context, doc *cibxml.Element) error {
	if f.path == "-" {
		return fmt.Errorf("the CIB comes from standard input and cannot be changed; name a file in CIB_file")
	}
	path, err := filepath.EvalSymlinks(f.path)
	if err != nil {
		return fmt.Errorf("save the CIB: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("save the CIB: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("the CIB comes from %s, which is not a file and cannot be changed", f.path)
	}
	data := []byte(doc.Format(cibxml.Style{Indent: true, Entities: true}))
	if strings.HasSuffix(path, ".bz2") {
		if data, err = compress(ctx, data); err != nil {
			return fmt.Errorf("save %s: %w", f.path, err)
		}
	}
	old, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("save the CIB: %w", err)
	}
	defer old.Close()
	if was, err := io.ReadAll(old); err == nil && bytes.Equal(was, data) {
		return nil
	}
	switch err := atomicfile.Write(path, data, info.Mode().Perm()); {
	case errors.Is(err, fs.ErrPermission): // the file may be changed, the directory not
	case err != nil:
		return err
	default:
		if err := keepOwner(path, info); err != nil {
			return fmt.Errorf("save the CIB: %w", err)
		}
	}
	if err := old.Truncate(0); err != nil {
		return fmt.Errorf("save the CIB: %w", err)
	}
	if _, err := old.WriteAt(data, 0); err != nil {
		return fmt.Errorf("save the CIB: %w", err)
	}
	return nil
}

// keepOwner gives the new file to the owner of the old one.
func keepOwner(path string, old os.FileInfo) error {
	st, ok := old.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(path, int(st.Uid), int(st.Gid))
}

// compress makes bzip2 of data with the program of that name: Go's library can only read the format.
func compress(ctx context.Context, data []byte) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "bzip2", "-c")
	cmd.Stdin = bytes.NewReader(data)
	return cmd.Output()
}
