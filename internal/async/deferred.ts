/** A promise and those who settle it. (`Promise.withResolvers` is not there before Node 22.) */
export interface Deferred<Value> {
  promise: Promise<Value>;
  resolve(value: Value): void;
  reject(reason: unknown): void;
}

/** A promise that is settled from outside, once: whatever comes after the first is not heard. */
export function deferred<Value = void>(): Deferred<Value> {
  const settle: Partial<Deferred<Value>> = {};
  const promise = new Promise<Value>((resolve, reject) => Object.assign(settle, { resolve, reject }));
  return { ...settle, promise } as Deferred<Value>;
}
