package redistest

import "testing"

func TestAddUser(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.AddUser("bridge", "secret", "~wsbridge:*", "+get")
	k := dial(t, s.Addr())
	k.send("AUTH", "bridge", "wrong")
	k.want("WRONGPASS invalid username-password pair or user is disabled.")
	k.send("AUTH", "bridge", "secret")
	k.want("OK")
	k.send("GET", "wsbridge:a")
	k.want("")
	k.send("GET", "other")
	k.want("NOPERM this user has no permissions to access one of the keys used as arguments")
	k.send("SET", "wsbridge:a", "1")
	k.want("NOPERM this user has no permissions to run the 'set' command")
}
