// Shows the questionnaire, notes how it was answered, and saves the answers to a file. Written for this project.
"use strict";
(() => {
  const given = JSON.parse(document.getElementById("questionnaire").textContent);
  const model = new Survey.Model(given.survey);
  const store = "cbecmodel-" + given.content_hash;
  const names = Object.fromEntries(given.languages.map((one) => [one.locale, one]));
  const started = new Date();
  const timings = {};
  let entered = Date.now();

  const spend = (page) => {
    if (page) timings[page.name] = (timings[page.name] || 0) + (Date.now() - entered) / 1000;
    entered = Date.now();
  };

  let spoken = given.languages[0].locale; // the model calls its own default language ""
  const speak = (locale) => {
    spoken = locale;
    model.locale = locale;
    document.documentElement.lang = names[locale].lang;
    document.getElementById("status").textContent = names[locale].status;
    document.getElementById("language-label").textContent = names[locale].language;
    for (const kind of ["json", "csv"]) document.getElementById("save-" + kind).textContent = names[locale].save + " (." + kind + ")";
    document.title = model.processedTitle;
  };

  const visibleQuestions = () => model.getAllQuestions(true);

  // Ids of the questions that a condition hid although their page was reached
  const notShown = (reached) => {
    const ids = [];
    for (const page of model.pages.slice(0, reached + 1)) {
      for (const question of page.questions) {
        if (question.isVisible && page.isVisible) continue;
        ids.push(...(question.getType() === "matrix" ? question.rows.map((row) => row.value) : [question.name]));
      }
    }
    return ids;
  };

  const itemOrder = () => {
    const order = {};
    for (const question of visibleQuestions()) {
      if (question.getType() === "matrix" && question.visibleRows.length > 1)
        order[question.name] = question.visibleRows.map((row) => row.name);
    }
    return order;
  };

  const answers = (reached) => {
    const found = {};
    for (const [name, value] of Object.entries(model.data)) {
      const question = model.getQuestionByName(name);
      if (question && question.getType() === "matrix") Object.assign(found, value);
      else found[name] = value;
    }
    if (given.not_shown !== null) for (const id of notShown(reached)) found[id] = given.not_shown;
    return found;
  };

  const record = () => {
    const ended = new Date();
    const all = Object.fromEntries(Object.entries(timings).map(([page, time]) => [page, Math.round(time * 10) / 10]));
    return {
      respondent: respondent(),
      instrument: given.instrument,
      instrument_version: given.version,
      instrument_hash: given.content_hash,
      form_language: names[spoken].lang,
      start_time: started.toISOString(),
      end_time: ended.toISOString(),
      duration_s: Math.round((ended - started) / 1000),
      device: window.innerWidth < 600 ? "phone" : "computer",
      page_timings: all,
      item_order: itemOrder(),
      item_hashes: given.item_hashes,
      ...answers(reachedPage),
    };
  };

  const respondent = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(8));
    return "r" + Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
  };

  // A text that a spreadsheet would take for a formula gets an apostrophe
  const cell = (value) => {
    let text = Array.isArray(value) ? value.join("┋") : value !== null && typeof value === "object" ? JSON.stringify(value) : String(value);
    if (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text))) text = "'" + text;
    return '"' + text.replaceAll('"', '""') + '"';
  };

  const csv = (one) => "\ufeff" + [Object.keys(one).map(cell).join(","), Object.values(one).map(cell).join(",")].join("\r\n") + "\r\n";

  const save = (text, ending, type) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = `${given.instrument}_${made.respondent}.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  let made = null;
  let reachedPage = 0;
  const remember = () => {
    try {
      if (made) localStorage.removeItem(store);
      else localStorage.setItem(store, JSON.stringify({ data: model.data, page: model.currentPageNo, locale: spoken }));
    } catch {
      // Storage is a convenience; a browser that refuses it still shows the questionnaire
    }
  };

  model.onCurrentPageChanging.add((_, options) => spend(options.oldCurrentPage));
  model.onCurrentPageChanged.add(() => {
    remember();
    window.scrollTo(0, 0);
  });
  model.onValueChanged.add(remember);
  model.onCompleting.add(() => {
    spend(model.currentPage);
    reachedPage = model.pages.indexOf(model.currentPage);
  });
  model.onComplete.add(() => {
    made = record();
    remember();
    document.getElementById("saving").hidden = false;
  });

  const switcher = document.getElementById("language");
  for (const one of given.languages) switcher.add(new Option(one.name, one.locale));
  switcher.addEventListener("change", () => speak(switcher.value));
  if (given.languages.length < 2) document.getElementById("switch").hidden = true;
  document.getElementById("save-json").addEventListener("click", () => save(JSON.stringify(made, null, 1) + "\n", "json", "application/json"));
  document.getElementById("save-csv").addEventListener("click", () => save(csv(made), "csv", "text/csv"));

  model.applyTheme({ cssVariables: given.theme, isPanelless: false });
  let locale = given.languages[0].locale;
  try {
    const kept = JSON.parse(localStorage.getItem(store));
    if (kept) {
      model.data = kept.data;
      model.currentPageNo = kept.page;
      if (names[kept.locale]) locale = kept.locale;
    }
  } catch {
    localStorage.removeItem(store);
  }
  switcher.value = locale;
  speak(locale);
  model.render(document.getElementById("survey"));
  window.preview = { model, record: () => made, csv: () => csv(made) };
})();
