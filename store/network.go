package store

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
)

// isNetwork reports a connection that is gone or could not be made. The driver
// does not type all of them; its own words begin with its name of the layer.
func isNetwork(err error) bool {
	var ne net.Error
	if errors.As(err, &ne) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return true
	}
	return strings.Contains(err.Error(), "conn closed")
}
