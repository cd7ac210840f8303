/**
 * Converts each object once. Stages share what they have from `default` or a template, and so do their plans then: a long list there
 * must not become five hundred.
 */
export function once<V extends object, T>(convert: (value: V) => T): (value: V) => T {
  const converted = new WeakMap<V, { readonly value: T }>();
  return (from) => {
    const known = converted.get(from) ?? { value: convert(from) };
    converted.set(from, known);
    return known.value;
  };
}
