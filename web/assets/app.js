// What makes forms a little kinder. Every page works without it.

// A password can be shown while it is typed.
for (const box of document.querySelectorAll("[data-show]")) {
	const input = box.querySelector("input"), button = document.createElement("button");
	button.type = "button";
	button.className = "peek";
	button.textContent = box.dataset.show;
	button.setAttribute("aria-controls", input.id);
	button.setAttribute("aria-pressed", "false");
	button.addEventListener("click", () => {
		const shown = input.type === "password";
		input.type = shown ? "text" : "password";
		button.textContent = shown ? box.dataset.hide : box.dataset.show;
		button.setAttribute("aria-pressed", String(shown));
		input.focus();
	});
	// It must be a password again when it is sent, or browsers would remember it as text.
	input.form.addEventListener("submit", () => { input.type = "password"; });
	box.append(button);
}

// How strong a password is, by the server's own rule, a moment after typing stops.
for (const line of document.querySelectorAll("[data-strength]")) {
	const input = document.getElementById(line.dataset.strength), [bar, words] = line.children;
	let timer, asked;
	input.addEventListener("input", () => {
		clearTimeout(timer);
		asked?.abort();
		if (!input.value) { line.classList.add("idle"); return; }
		timer = setTimeout(async () => {
			asked = new AbortController();
			try {
				const answer = await fetch("/strength", { method: "POST", body: new URLSearchParams({ password: input.value }), signal: asked.signal });
				if (!answer.ok) throw 0;
				const { score, text } = await answer.json();
				bar.dataset.score = score;
				words.textContent = text;
				line.classList.remove("idle");
			} catch { if (!asked.signal.aborted) line.classList.add("idle"); }
		}, 300);
	});
}

// A form is sent once, however often its button is pressed.
for (const form of document.forms) {
	let sent = 0;
	form.addEventListener("submit", e => {
		if (Date.now() - sent < 2000) e.preventDefault(); else sent = Date.now();
	});
}

// The first field with a mistake has the focus, also after "back".
document.querySelector("[aria-invalid=true]")?.focus();
