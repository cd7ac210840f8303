/** What a promise rejects with. Rejects itself when it doesn't. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it resolved");
}

/** The message of what a promise rejects with. */
export async function refusalOf(promise: Promise<unknown>): Promise<string> {
  const error = await rejectionOf(promise);
  return error instanceof Error ? error.message : String(error);
}
