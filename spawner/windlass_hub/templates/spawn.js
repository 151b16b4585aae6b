/* Comfort only: without it every card and field is there, and the server checks all the same. */
(() => {
  const root = document.getElementById('windlass-spawn');

  /* Admins write patterns for Python. The browser's own check reads some of them not at all (`[a-z/-]`), and then says
     nothing; what this one cannot read either is left to the server. */
  const matcher = pattern => {
    try {
      return new RegExp(`^(?:${pattern})$`);
    } catch {
      return null;
    }
  };

  const cards = Array.from(root.querySelectorAll('.windlass-card'), element => ({
    element,
    radio: element.querySelector('input[type="radio"]'),
    list: element.querySelector('select'),
    free: element.querySelector('.windlass-free'),
    text: element.querySelector('.windlass-free input'),
    allowed: matcher(element.querySelector('.windlass-free input')?.pattern ?? ''),
    words: element.textContent.toLowerCase()
  }));

  /* A text field counts, and is checked by the browser, only where it is the image that will be sent. */
  const show = () => {
    for (const { radio, list, free, text, allowed } of cards) {
      const typed = list === null || list.value === 'unlisted-choice';
      for (const field of [list, text]) {
        if (field !== null) {
          field.tabIndex = radio.checked ? 0 : -1;
        }
      }
      if (text !== null) {
        const counts = typed && radio.checked;
        free.hidden = !typed;
        const refused = counts && text.value !== '' && allowed?.test(text.value.trim()) === false;
        text.required = counts && list !== null;
        text.removeAttribute('pattern');
        text.setCustomValidity(refused ? text.title : '');
      }
    }
  };

  for (const { element, radio, list, text } of cards) {
    radio.addEventListener('change', show);
    text?.addEventListener('input', show);
    list?.addEventListener('change', () => {
      radio.checked = true;
      show();
      if (list.value === 'unlisted-choice') {
        text.focus();
      }
    });
    element.querySelector('.windlass-image')?.addEventListener('click', () => {
      if (!radio.checked) {
        radio.checked = true;
        show();
      }
    });
  }

  /* Among many cards the chosen one may be out of sight: the button says what it starts. */
  const sayChosen = () => {
    const start = root.closest('form')?.querySelector('.feedback-container');
    if (!start || !cards.some(({ radio }) => radio.checked)) {
      return;
    }
    const line = document.createElement('p');
    line.className = 'windlass-chosen';
    start.prepend(line);
    const say = () => {
      const chosen = cards.find(({ radio }) => radio.checked)?.element;
      const part = name => chosen.querySelector(name).textContent;
      line.textContent = `${part('.windlass-name')} · ${part('.windlass-price')}`;
    };
    root.addEventListener('change', say);
    root.addEventListener('click', say);
    window.addEventListener('pageshow', say);
  };

  const box = document.getElementById('windlass-filter');
  if (box !== null) {
    const count = document.getElementById('windlass-filter-count');
    const filter = () => {
      const wanted = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { element, radio, words } of cards) {
        const fits = wanted.every(word => words.includes(word));
        /* What is chosen stays in sight: it is what the button starts. */
        element.hidden = !fits && !radio.checked;
        shown += fits ? 1 : 0;
      }
      const found = shown > 0 ? `${shown} of ${cards.length}` : 'none of them';
      count.textContent = wanted.length > 0 ? found : '';
    };
    box.addEventListener('input', filter);
    box.addEventListener('keydown', event => {
      if (event.key === 'Enter') {
        event.preventDefault();
      }
    });
    root.addEventListener('change', filter);
    box.parentElement.hidden = false;
    filter();
    /* The button comes after this script. */
    document.addEventListener('DOMContentLoaded', sayChosen);
  }

  /* After "back" the browser puts its own values into the fields, later than this runs. */
  window.addEventListener('pageshow', show);
  show();
})();
