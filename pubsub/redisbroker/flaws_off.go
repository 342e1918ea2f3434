//go:build !flaws

package redisbroker

func chosenFlaws() flaws { return flaws{} }
