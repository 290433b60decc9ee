package ipc

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// AdminGroup may administer the cluster besides root.
const AdminGroup = "haclient"

// AllowAdmins opens a socket for the administrators' group. Where there is no such group it stays root's alone.
func AllowAdmins(socket string) error {
	g, err := user.LookupGroup(AdminGroup)
	if err != nil {
		return nil
	}
	gid, err := strconv.Atoi(g.Gid)
	if err == nil {
		err = os.Chown(socket, -1, gid)
	}
	if err != nil {
		return fmt.Errorf("open %s for group %s: %w", socket, AdminGroup, err)
	}
	return nil
}
