package countersign

// IdentityFilter narrows a list of identities; what is empty does not narrow.
type IdentityFilter struct {
	Flag   string
	Role   string
	Kind   Kind
	State  State
	Prefix string // of an address or a username, in canonical form
}

// EventFilter narrows a list of events; what is empty does not narrow.
type EventFilter struct {
	Subject IdentityID
	Action  string
}
