package store

import (
	"context"
	"database/sql"
	"strconv"
	"sync"
)

// preparer is a *sql.DB or a *sql.Conn.
type preparer interface {
	PrepareContext(context.Context, string) (*sql.Stmt, error)
}

// statements prepares each text once. Texts are constants, or repeat one of a
// bounded number of row counts, so the map stays small.
type statements struct {
	on   preparer
	mu   sync.RWMutex
	have map[string]*sql.Stmt
}

func newStatements(on preparer) *statements {
	return &statements{on: on, have: map[string]*sql.Stmt{}}
}

func (s *statements) get(ctx context.Context, text string) (*sql.Stmt, error) {
	s.mu.RLock()
	st := s.have[text]
	s.mu.RUnlock()
	if st != nil {
		return st, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.have[text]; st != nil {
		return st, nil
	}
	st, err := s.on.PrepareContext(ctx, text)
	if err == nil {
		s.have[text] = st
	}
	return st, err
}

// maxRows is how many rows one INSERT takes; longer lists take several.
const maxRows = 16

// tuples returns "($1,$2),($3,$4)" for one or more rows of columns, and list "$1,$2".
func tuples(rows, columns int) string {
	b := make([]byte, 0, 5*rows*(columns+1))
	for r := range rows {
		b = append(append(append(b, ",("...), list(r*columns+1, columns)...), ')')
	}
	return string(b[1:])
}

// list returns "$first,…" of n parameters, at least one.
func list(first, n int) string {
	b := make([]byte, 0, 5*n)
	for i := range n {
		b = strconv.AppendInt(append(b, ",$"...), int64(first+i), 10)
	}
	return string(b[1:])
}
