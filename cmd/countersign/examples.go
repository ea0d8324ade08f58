package main

// examples are shown under the help of a command; a test parses each.
var examples = map[string][]string{
	"countersign": {
		"serve",
		"identity add --email ada@example.com --role admin",
		"doctor",
	},
	"serve": {
		"serve",
		"serve --config /etc/countersign.toml",
		"serve --set server.listen=:443 --set server.public_url=https://id.example.com --set server.tls.autocert_domains=id.example.com",
	},
	"migrate": {
		"migrate",
		"migrate --config /etc/countersign.toml",
		"migrate --set database.url=file:/run/secrets/database_url",
	},
	"setup-link": {
		"setup-link",
		"setup-link --data /var/lib/countersign",
		"setup-link --config /etc/countersign.toml",
	},
	"doctor": {
		"doctor",
		"doctor --json --config /etc/countersign.toml",
		"doctor --send-test ops@example.com",
	},
	"calibrate": {
		"calibrate",
		"calibrate --target 500ms",
		"calibrate --target 250ms --concurrency 8 --json",
	},
	"config": {
		"config check --config countersign.toml",
		"config show",
		"config reference",
	},
	"config check": {
		"config check",
		"config check --config countersign.toml",
		"config check --json",
	},
	"config show": {
		"config show",
		"config show --set session.idle=1d",
		"config show --json",
	},
	"config reference": {
		"config reference",
		"config reference password",
		"config reference server.tls",
	},
	"identity": {
		"identity add --email ada@example.com",
		"identity list --role admin",
		"identity disable ada@example.com",
	},
	"identity add": {
		"identity add --email ada@example.com --name Ada --role admin",
		"identity add --email grace@example.com --password-stdin --json",
		"identity add --service --username reports --flag beta",
	},
	"identity list": {
		"identity list",
		"identity list --role admin --state active",
		"identity list --prefix ada --limit 10 --json",
	},
	"identity show": {
		"identity show ada@example.com",
		"identity show ada",
		"identity show idn_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7b",
	},
	"identity disable": {
		"identity disable ada@example.com",
		"identity disable reports",
		"identity disable --json ada@example.com",
	},
	"identity enable": {
		"identity enable ada@example.com",
		"identity enable reports",
		"identity enable --json ada@example.com",
	},
	"identity delete": {
		"identity delete ada@example.com",
		"identity delete --yes ada@example.com",
		"identity delete --yes idn_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7b",
	},
	"identity set-password": {
		"identity set-password ada@example.com",
		"identity set-password ada",
		"identity set-password --password-stdin ada@example.com",
	},
	"identity factors": {
		"identity factors ada@example.com",
		"identity factors ada --json",
		"identity factors idn_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7b",
	},
	"identity reset-factor": {
		"identity reset-factor ada@example.com --reason ticket-4711",
		"identity reset-factor ada --reason came-with-a-passport",
		"identity reset-factor --reason=ticket-4711 idn_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7b",
	},
	"identity flag": {
		"identity flag ada@example.com beta",
		"identity flag --remove ada@example.com beta early",
		"identity flag ada@example.com",
	},
	"identity role": {
		"identity role ada@example.com admin",
		"identity role --remove ada@example.com admin",
		"identity role ada@example.com",
	},
	"session": {
		"session list ada@example.com",
		"session revoke ada@example.com ses_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7b",
		"session revoke ada@example.com --all",
	},
	"session list": {
		"session list ada@example.com",
		"session list ada --json",
		"session list --limit 5 ada@example.com",
	},
	"session revoke": {
		"session revoke ada@example.com ses_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7b",
		"session revoke ada@example.com --all",
		"session revoke --all reports",
	},
	"audit": {
		"audit list --limit 20",
		"audit list --identity ada@example.com",
		"audit verify",
	},
	"audit list": {
		"audit list",
		"audit list --identity ada@example.com --json",
		"audit list --action proof.refused --limit 100",
	},
	"audit verify": {
		"audit verify",
		"audit verify --json",
		"audit verify --config /etc/countersign.toml",
	},
	"version": {
		"version",
		"version --json",
		"help version",
	},
	"completion": {
		"completion bash",
		"completion zsh",
		"completion fish",
	},
	"help": {
		"help identity add",
		"help serve",
		"help",
	},
}
