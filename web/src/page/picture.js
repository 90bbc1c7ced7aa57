// A picture of the page as a file of its own: with the colours that it has here.

const PROPERTIES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font", "text-anchor", "paint-order", "opacity"];

/** The text of an SVG file. */
export function pictureOf(picture) {
  const copy = picture.cloneNode(true);
  const [from, to] = [picture, copy].map((root) => [root, ...root.querySelectorAll("*")]);
  from.forEach((node, at) => {
    const style = getComputedStyle(node);
    for (const name of PROPERTIES) {
      const value = style.getPropertyValue(name);
      if (value && value !== "none" && value !== "normal") to[at].style.setProperty(name, value);
      else if (name === "fill" && value === "none") to[at].style.setProperty(name, value);
    }
    to[at].removeAttribute("class");
    to[at].removeAttribute("tabindex");
  });
  const box = picture.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", Math.round(box.width));
  copy.setAttribute("height", Math.round(box.height));
  copy.style.background = getComputedStyle(document.body).backgroundColor;
  return new XMLSerializer().serializeToString(copy);
}
