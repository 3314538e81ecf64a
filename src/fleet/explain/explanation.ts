/** What a word of the product means, and what to do about it. Each is one or two sentences. */
export interface Explanation {
  readonly meaning: string;
  readonly advice: string;
}
