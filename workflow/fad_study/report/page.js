"use strict";
// Everything here adds to a page that is complete without it.
{
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const shown = (cell) => cell.textContent.replace(/\s+/g, " ").trim();
  // Cells whose text is rounded have all digits in data-v.
  const exact = (cell) => cell.dataset.v ?? shown(cell);
  const numeric = (cell) => parseFloat(exact(cell).replaceAll(",", "").replace("−", "-"));
  const visible = (table) => [...table.tBodies[0].rows].filter((row) => !row.hidden);
  const lines = (table) => [table.tHead.rows[0], ...visible(table)];

  const csv = (table) => {
    const quoted = (text) => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    // As in the tables: no text is taken for a formula.
    const field = (text) => (text === "–" ? "" : quoted(/^'*[=+\-@]/.test(text) && isNaN(text) ? `'${text}` : text));
    return lines(table).map((row) => [...row.cells].map(exact).map(field).join(",") + "\n").join("");
  };

  const latex = (table) => {
    const special = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}",
      ">": "\\textgreater{}", "–": "--", "−": "$-$", "±": "$\\pm$", "²": "\\textsuperscript{2}", "∞": "$\\infty$" };
    const escaped = (text) => text.replace(/[\\~^<>–−±²∞&%$#_{}]/g, (found) => special[found] ?? `\\${found}`);
    const line = (row) => `${[...row.cells].map(shown).map(escaped).join(" & ")} \\\\\n`;
    const [head, ...body] = lines(table);
    const columns = [...head.cells].map((cell) => (cell.classList.contains("n") ? "r" : "l")).join("");
    return `% Needs \\usepackage{booktabs}.\n\\begin{tabular}{${columns}}\n\\toprule\n${line(head)}\\midrule\n`
      + `${body.map(line).join("")}\\bottomrule\n\\end{tabular}\n`;
  };

  const copy = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Pages that come over plain HTTP have no clipboard of their own.
    const area = make("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };

  const copyButton = (table, label, text) => {
    const button = make("button", { type: "button", textContent: `Copy ${label}` });
    button.addEventListener("click", async () => {
      await copy(text(table)).then(() => (button.textContent = "Copied"), () => (button.textContent = "Not allowed"));
      setTimeout(() => (button.textContent = `Copy ${label}`), 1500);
    });
    return button;
  };

  const searchField = (table) => {
    const rows = [...table.tBodies[0].rows];
    const count = make("output", { textContent: `${rows.length} rows` });
    const field = make("input", { type: "search", placeholder: "Search", ariaLabel: "Search this table" });
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      count.textContent = field.value ? `${visible(table).length} of ${rows.length} rows` : `${rows.length} rows`;
    });
    return [field, count];
  };

  const sortable = (table) => {
    const [body] = table.tBodies;
    const original = [...body.rows];
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const byNumber = heading.classList.contains("n");
      const sort = () => {
        const next = { ascending: "descending", descending: null }[heading.ariaSort];
        const order = next === undefined ? "ascending" : next;
        headings.forEach((other) => (other.ariaSort = null));
        heading.ariaSort = order;
        const sign = order === "descending" ? -1 : 1;
        const compare = (one, other) => {
          const [a, b] = [one.cells[column], other.cells[column]];
          if (!byNumber) return sign * shown(a).localeCompare(shown(b), "en", { numeric: true });
          const [x, y] = [numeric(a), numeric(b)];
          // Cells without a value come last in both directions.
          return isNaN(x) || isNaN(y) ? isNaN(x) - isNaN(y) : sign * (x - y);
        };
        body.append(...(order ? [...original].sort(compare) : original));
      };
      heading.classList.add("sorts");
      heading.tabIndex = 0;
      heading.addEventListener("click", sort);
      heading.addEventListener("keydown", (event) => event.key === "Enter" && sort());
    });
  };

  for (const table of document.querySelectorAll("table")) {
    const rows = table.tBodies[0].rows.length;
    if (rows > 1 && !table.querySelector("[colspan]")) sortable(table);
    const tools = make("div", { className: "tools" });
    if (rows > 15) tools.append(...searchField(table));
    if ("copy" in table.dataset) tools.append(copyButton(table, "CSV", csv), copyButton(table, "LaTeX", latex));
    if (tools.children.length) table.parentElement.before(tools);
  }

  const reveal = () => {
    let place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    place?.querySelector(":scope > details")?.setAttribute("open", "");
    for (const target = place; place; place = place.parentElement) {
      if (place.tagName === "DETAILS" && !place.open) {
        place.open = true;
        target.scrollIntoView();
      }
    }
  };
  addEventListener("hashchange", reveal);
  reveal();

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((details) => (details.open = true));
  });
  addEventListener("afterprint", () => folded.forEach((details) => (details.open = false)));
}
