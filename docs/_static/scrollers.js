// Boxes that scroll sideways take the focus, so that the keyboard can scroll them.
const boxes = document.querySelectorAll(".highlight pre, .table-wrapper, .katex-display");

function mark() {
  const wide = [...boxes].map((box) => box.scrollWidth > box.clientWidth);
  boxes.forEach((box, i) => {
    if (wide[i]) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}

document.fonts.ready.then(mark);
addEventListener("resize", mark);
