package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/countersign-id/countersign"
)

// readers look sessions up in SQLite. They pass by database/sql, whose general way
// of handing out connections and rows costs as much as the look-up itself: here a
// connection has one statement, prepared once, and a row of one value.
type readers struct {
	open func() (driver.Conn, error)
	idle chan *reader // as many as may work at once, those not opened yet included
}

type reader struct {
	conn driver.Conn
	stmt driver.Stmt
	find driver.StmtQueryContext
	hash [32]byte
	args [2]driver.NamedValue
	row  [1]driver.Value
}

func newReaders(n int, open func() (driver.Conn, error)) *readers {
	r := &readers{open: open, idle: make(chan *reader, n)}
	for range n {
		r.idle <- new(reader)
	}
	return r
}

// find returns what sessionText finds; a busy reader is waited for.
func (r *readers) find(hash [32]byte, now int64) (string, bool, error) {
	one, ok := <-r.idle
	if !ok {
		return "", false, fmt.Errorf("store: closed: %w", countersign.ErrOverloaded)
	}
	whole := false
	defer func() {
		if !whole { // the driver panicked: what it left behind is not used again, not even to close it
			*one = reader{}
		}
		r.idle <- one
	}()
	text, found, err := one.look(r.open, hash, now)
	if err != nil { // its next caller gets a new connection: this one may be why
		err = errors.Join(err, one.close())
	}
	whole = true
	return text, found, err
}

// close waits for those who look and lets nobody look any more.
func (r *readers) close() error {
	var failed error
	for range cap(r.idle) {
		if one, ok := <-r.idle; ok {
			failed = errors.Join(failed, one.close())
		}
	}
	close(r.idle)
	return failed
}

func (r *reader) look(open func() (driver.Conn, error), hash [32]byte, now int64) (text string, found bool, err error) {
	if r.conn == nil {
		if err := r.connect(open); err != nil {
			return "", false, err
		}
	}
	r.hash, r.args[1].Value = hash, now
	rows, err := r.find.QueryContext(context.Background(), r.args[:])
	if err != nil {
		return "", false, err
	}
	if err = rows.Next(r.row[:]); err == nil {
		text, found = r.row[0].(string)
		if !found {
			err = errors.New("a session is not text")
		}
	} else if err == io.EOF {
		err = nil
	}
	return text, found, errors.Join(err, rows.Close())
}

func (r *reader) connect(open func() (driver.Conn, error)) (err error) {
	if r.conn, err = open(); err != nil {
		r.conn = nil
		return err
	}
	if r.stmt, err = r.conn.Prepare(sessionText); err != nil {
		return err
	}
	var ok bool
	if r.find, ok = r.stmt.(driver.StmtQueryContext); !ok {
		return errors.New("the driver's statements take no context")
	}
	r.args = [2]driver.NamedValue{{Ordinal: 1, Value: r.hash[:]}, {Ordinal: 2}}
	return nil
}

func (r *reader) close() error {
	if r.conn == nil {
		return nil
	}
	var failed error
	if r.stmt != nil {
		failed = r.stmt.Close()
	}
	failed = errors.Join(failed, r.conn.Close())
	*r = reader{}
	return failed
}
