package redistest

// AddUser lets another user in, who may do what the rules say, in the words of Redis' ACL
// SETUSER ("~wsbridge:*", "&wsbridge:*", "+@all", "-@dangerous"), and nothing else. The rules
// live as long as the process.
func (s *Server) AddUser(name, password string, rules ...string) {
	s.t.Helper()
	s.Do(append([]string{"ACL", "SETUSER", name, "reset", "on", ">" + password}, rules...)...)
}
