/** Functions that the driver calls on the remote side. Twin: farside.py. */
let kept;

export function size(data) {
  return data.length;
}

/** Makes what `prepared` returns: that is not to be part of what is measured. */
export function prepare(n) {
  kept = new Uint8Array(n).fill(1);
}

export function prepared() {
  return kept;
}
