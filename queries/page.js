// SPDX-License-Identifier: MIT
// What a page shows of a chart where a pointer or the arrow keys are. Everything else works without it.
'use strict';
(() => {
  const tip = document.getElementById('tip');

  // As scale_number() of scale.c.
  const number = (value) => {
    const units = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
    let unit = 0;
    while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
      value /= 1000;
      unit++;
    }
    const size = Math.abs(value);
    if (size < 0.995) return [String(Number(value.toPrecision(3))), ''];
    let text = value.toFixed(size >= 99.95 || size === 0 ? 0 : size >= 9.995 ? 1 : 2);
    if (text.includes('.')) text = text.replace(/\.?0+$/, '');
    return [text, units[unit]];
  };
  const withUnit = (value, unit) => {
    const [digits, prefix] = number(value);
    return prefix ? `${digits} ${prefix}${unit}` : unit ? `${digits} ${unit}` : digits;
  };

  const add = (parent, name, text, className) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    parent.append(element);
    return element;
  };

  const fill = (data, chart, point) => {
    tip.replaceChildren();
    add(tip, 'b', data.labels[point]);
    const table = add(tip, 'table');
    const row = (name, className, value) => {
      const line = add(table, 'tr');
      const cell = add(line, 'td');
      if (className) add(cell, 'span', '', 'swatch ' + className);
      cell.append(name);
      add(line, 'td', withUnit(value * chart.factor, chart.unit), 'n');
    };
    let sum = 0, shown = 0;
    data.keys.forEach((key, k) => {
      const value = chart.numbers[k][point];
      sum += value;
      if (value === 0 && data.keys.length > 1) return;
      row(key.name || chart.name, key.class, value);
      shown++;
    });
    if (shown !== 1) row(shown ? 'all' : 'nothing', '', sum);
  };

  const place = (x, y) => {
    const size = tip.getBoundingClientRect(), gap = 14;
    const left = x + gap + size.width > innerWidth - 4 ? x - gap - size.width : x + gap;
    tip.style.left = `${Math.max(4, Math.min(left, innerWidth - size.width - 4))}px`;
    tip.style.top = `${Math.max(4, Math.min(y - size.height / 2, innerHeight - size.height - 4))}px`;
    tip.style.visibility = 'visible';
  };

  const follow = (panel, data) => {
    const charts = [...panel.querySelectorAll('svg.chart')];
    const last = data.times.length - 1;
    let current = last;

    const x = (svg, time) => {
      const left = +svg.dataset.left, right = +svg.dataset.right;
      return left + (time - data.times[0]) / (data.until - data.times[0]) * (right - left);
    };
    const hide = () => {
      tip.style.visibility = 'hidden';
      for (const svg of charts) svg.querySelector('.cursor').style.visibility = 'hidden';
    };
    const show = (svg, point, clientX, clientY) => {
      current = point;
      const end = point < last ? data.times[point + 1] : data.until;
      for (const other of charts) {
        const line = other.querySelector('.cursor');
        line.setAttribute('transform', `translate(${x(other, (data.times[point] + end) / 2)} 0)`);
        line.style.visibility = 'visible';
      }
      fill(data, data.charts[svg.dataset.value], point);
      const box = svg.getBoundingClientRect();
      place(clientX ?? box.left + x(svg, data.times[point]) / svg.viewBox.baseVal.width * box.width,
            clientY ?? box.top + box.height / 2);
    };
    const at = (svg, clientX) => {
      const box = svg.getBoundingClientRect(), left = +svg.dataset.left, right = +svg.dataset.right;
      const across = ((clientX - box.left) / box.width * svg.viewBox.baseVal.width - left) / (right - left);
      const time = data.times[0] + across * (data.until - data.times[0]);
      let low = 0, high = last;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (data.times[middle] <= time) low = middle;
        else high = middle - 1;
      }
      return low;
    };

    for (const svg of charts) {
      svg.tabIndex = 0;
      svg.addEventListener('pointermove', (e) => show(svg, at(svg, e.clientX), e.clientX, e.clientY));
      svg.addEventListener('pointerdown', (e) => show(svg, at(svg, e.clientX), e.clientX, e.clientY));
      svg.addEventListener('pointerleave', hide);
      svg.addEventListener('blur', hide);
      svg.addEventListener('keydown', (e) => {
        const step = {ArrowLeft: -1, ArrowRight: 1, Home: -last, End: last}[e.key];
        if (e.key === 'Escape') hide();
        if (step === undefined) return;
        e.preventDefault();
        show(svg, Math.max(0, Math.min(last, current + step)));
      });
    }
  };

  // What is wider than its place can be scrolled with the keyboard.
  const reach = () => {
    for (const box of document.querySelectorAll('.scroll')) {
      const wide = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
      if (wide) box.tabIndex = 0;
      else box.removeAttribute('tabindex');
    }
  };
  addEventListener('resize', reach);
  addEventListener('toggle', reach, true);
  addEventListener('change', reach);
  reach();

  for (const panel of document.querySelectorAll('.series')) {
    const text = panel.querySelector('script[type="application/json"]');
    if (text) follow(panel, JSON.parse(text.textContent));
  }
})();
