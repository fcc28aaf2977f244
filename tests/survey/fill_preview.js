// Fills in the questionnaire of a preview page as a person would, by clicking what is on the screen, and tells the page
// around it what it found. ANSWERS: how to answer; STOP: page before which to stop, for a picture.
"use strict";
(async () => {
  const report = { errors: window.preview && window.preview.model.jsonErrors, clipped: [], pages: [], error: "", record: null };
  const wait = (time) => new Promise((done) => setTimeout(done, time));
  const finish = () => {
    parent.postMessage(JSON.stringify(report), "*");
  };
  try {
    const { model } = window.preview;
    const picker = document.getElementById("language");
    picker.value = ANSWERS.locale;
    picker.dispatchEvent(new Event("change"));
    await wait(50);
    const visible = (element) => element.getClientRects().length > 0;
    const type = (element, value) => {
      const setter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(element), "value").set;
      element.focus();
      setter.call(element, value);
      element.dispatchEvent(new Event("input", { bubbles: true }));
      element.dispatchEvent(new Event("change", { bubbles: true }));
      element.blur();
    };
    const choose = async (question) => {
      const given = ANSWERS.values[question.name];
      const root = document.getElementById(question.id) || document.querySelector(`[data-name="${question.name}"]`);
      if (question.getType() === "matrix") {
        for (const [at, row] of question.visibleRows.entries()) {
          const value = ANSWERS.values[row.name] ?? ANSWERS.scale;
          const input = [...root.querySelectorAll("input[type=radio]")].find((one) => one.name.endsWith(row.fullName) && one.value === String(value))
            || [...root.querySelectorAll("tr")].filter((tr) => tr.querySelector("input"))[at].querySelector(`input[value="${value}"]`);
          input.click();
        }
      } else if (["radiogroup", "checkbox"].includes(question.getType())) {
        for (const value of [].concat(given ?? question.choices[0].value)) root.querySelector(`input[value="${value}"]`).click();
      } else if (question.getType() === "dropdown") question.value = given;
      else if (given !== undefined) type(root.querySelector("input"), String(given));
      await wait(10);
    };
    const clipped = () => {
      const width = document.documentElement.clientWidth;
      for (const element of document.querySelectorAll("input[type=radio], input[type=checkbox], .sd-item__control-label, .sd-table__cell")) {
        const box = (element.closest("label") || element).getBoundingClientRect();
        if (visible(element) && (box.right > width + 1 || box.left < -1)) report.clipped.push([model.currentPage.name, element.className, Math.round(box.right)]);
      }
      if (document.documentElement.scrollWidth > width + 1) report.clipped.push([model.currentPage.name, "page", document.documentElement.scrollWidth]);
    };
    for (let step = 0; step < 40 && model.state === "running"; step += 1) {
      report.pages.push(model.currentPage.name);
      await wait(30);
      clipped();
      if (model.currentPage.name === STOP) break;
      for (const question of model.currentPage.questions) if (question.isVisible) await choose(question);
      await wait(30);
      if (model.currentPage.name === ANSWERS.picture) return finish();
      const button = [...document.querySelectorAll(".sd-navigation__next-btn, .sd-navigation__complete-btn")].find(visible);
      const before = model.currentPageNo;
      button.click();
      await wait(40);
      if (model.state === "running" && model.currentPageNo === before) {
        report.error = "stuck on " + model.currentPage.name + ": " + model.getAllQuestions(true).filter((q) => q.hasErrors(false)).map((q) => q.name).join(", ");
        break;
      }
    }
    await wait(50);
    report.state = model.state;
    report.text = document.querySelector("#survey").innerText;
    report.record = window.preview.record();
    if (report.record) report.csv = window.preview.csv();
  } catch (error) {
    report.error = String(error.stack || error);
  }
  finish();
})();
