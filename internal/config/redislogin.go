package config

import (
	"errors"
	"strings"

	"github.com/wsbridge/wsbridge/internal/auth"
)

// A RedisLogin is what sentinels are shown; the zero one stands for nothing. Those without
// a password let the default user in with any, but no other user.
type RedisLogin struct {
	User     string // empty: the default one
	Password auth.Secret
}

// noLogin stands for showing nothing.
const noLogin = "none"

type loginValue struct{ p **RedisLogin }

func (v loginValue) set(text string) error {
	user, password, ok := strings.Cut(text, ":")
	switch {
	case text == noLogin:
		*v.p = new(RedisLogin)
	case !ok || password == "":
		return errors.New("it has no password; write USER:PASSWORD, :PASSWORD or " + noLogin)
	default:
		*v.p = &RedisLogin{user, auth.NewSecret(password)}
	}
	return nil
}

func (v loginValue) text() string {
	switch login := *v.p; {
	case login == nil:
		return ""
	case login.Password.Len() == 0:
		return noLogin
	default:
		return login.User + ":" + redacted
	}
}
