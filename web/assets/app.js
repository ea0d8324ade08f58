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

// What is shown once can be printed, or saved as text.
for (const button of document.querySelectorAll("[data-print]")) {
	button.hidden = false;
	button.addEventListener("click", () => print());
}
for (const button of document.querySelectorAll("[data-save]")) {
	button.hidden = false;
	button.addEventListener("click", () => {
		const lines = [...document.querySelectorAll("[data-kept] code")].map(code => code.textContent);
		const link = document.createElement("a");
		link.href = URL.createObjectURL(new Blob([location.host + "\n\n" + lines.join("\n") + "\n"], { type: "text/plain" }));
		link.download = button.dataset.save;
		link.click();
		setTimeout(() => URL.revokeObjectURL(link.href), 1000);
	});
}

// The first field with a mistake has the focus, also after "back".
document.querySelector("[aria-invalid=true]")?.focus();
