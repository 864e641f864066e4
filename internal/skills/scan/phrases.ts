/**
 * Words that turn an agent against its rules or its user. The risks are those of the platform's checklist for people
 * who review skills: instructions to ignore safety rules, to hide actions from users, to give data away, to behave
 * otherwise under conditions, and tools of MCP servers. Phrases catch the careless and the copied; whoever words it
 * another way passes, so a skill is still read by a person.
 */
import { isDenied, isSpokenOf, sentenceBefore } from './context.ts';
import { matchesIn, mayMatch, searchable } from './search.ts';
import type { Hit, SearchedFile } from './searched-file.ts';

/** One phrase of the table. Words may be broken over lines and marked up. */
interface Phrase {
  what: string;
  pattern: RegExp;
  /** An error, where the words are an instruction; where somebody else's words are spoken of it is a warning. */
  isError?: (words: string) => boolean;
  /** Whether the words mean nothing where the sentence denies them. */
  deniable?: boolean;
  /** Whether only the one who is told to do it is meant. */
  onlyTold?: boolean;
}

/** What stands between two words: blanks, ends of lines, markup. */
const _ = String.raw`[\s*_"'\x60>]{1,12}`;
/** A few more words in the same sentence. Words and blanks share no character, so there is one way to read them. */
const words = (most: number) => String.raw`(?:[^\s.!?;,:]{1,30}[\s,:]{1,6}){0,${most}}?`;
function phrase(what: string, source: string, more: Partial<Phrase> = {}): Phrase {
  return { what, pattern: searchable(new RegExp(source, 'gi')), ...more };
}

/** What a person may say of a program that they write, and what nobody has to say to an agent. */
const namesOwnRules =
  /^(?:ignore|disregard|forget)|\b(?:all|any|every|each|your|these|those|previous|prior|above|earlier|preceding)\b/i;

/** Who does something by themselves, as browsers send cookies: nobody is told to do it. */
const somebodyElse =
  /^(?:the |an? |any |each |every |most |some |modern |your |when |if |once )*(?:browsers?|clients?|servers?|apps?|applications?|websites?|web|sites?|services?|frameworks?|librar(?:y|ies)|attackers?|it|they|he|she|axios|fetch|cookies?|requests?|forms?|plugins?|sdks?|apis?|middleware|proxy|gateway|backend|frontend|users?|customers?|people|developers?|function|method|hook|component|tool)\b/i;
const toldTo =
  /(?:^|[,;:(—–]|\b(?:then|and|or|but|must|should|please|always|now|also|first|next|finally|silently|quietly|secretly|just|simply|immediately|directly|automatically|(?:you|agent|assistant|claude)\s+(?:will|can|may|shall)|(?:you|need|have|remember|sure|agent|assistant|claude|instructed|task is|goal is|job is) to))\s*$/i;

/** Whether the sentence tells the agent to do what begins at its end. */
function isTold(sentence: string): boolean {
  return toldTo.test(sentence) && !somebodyElse.test(sentence);
}

const secretThings = `(?:credentials?|secrets?|passwords?|api${_}?keys?|(?:access|auth|session|refresh)${_}tokens?|private${_}keys?|environment${_}variables?|cookies|system${_}prompts?|(?:chat|conversation)(?:${_}(?:history|log|transcript))?|user${_}data|personal${_}data|customer${_}data)`;
const someReader = String.raw`(?:https?:|(?:the${_}|a${_}|an${_}|our${_}|my${_}|this${_}|following${_}){0,3}(?:external${_}|remote${_}|third-party${_})?(?:server|url|webhook|endpoint|address|domain|bucket|pastebin|gist|channel|e-?mail|site)\b)`;

/** Every phrase; phrases.test.ts has an example and near misses for each. */
export const phrases: readonly Phrase[] = [
  phrase(
    'tells the agent to disregard its instructions',
    String.raw`\b(?:ignore|disregard|forget|override|bypass|overrule)${_}(?:(?:all|any|every|each|of|the|your|these|those|its|other|and)${_}){0,4}(?:previous|prior|above|earlier|preceding|existing|original|initial|system|developer)${_}(?:(?:system|developer|safety)${_})?(?:instructions?|prompts?|rules?|guidelines?|directions?|directives?|messages?|constraints?|polic(?:y|ies)|commands?)\b`,
    { isError: (words) => namesOwnRules.test(words), deniable: true },
  ),
  phrase(
    'tells the agent to disregard safety rules',
    String.raw`\b(?:ignore|disregard|forget|override|bypass|disable|circumvent|evade|turn${_}off|switch${_}off|get${_}around|work${_}around)${_}(?:(?:all|any|every|of|the|your|these|those|its|other|and)${_}){0,4}(?:safety|security|ethical|content|moderation|guard-?rail|permission|approval|access|sandbox|policy)${_}?(?:rules?|guidelines?|polic(?:y|ies)|filters?|checks?|controls?|measures?|restrictions?|instructions?|mechanisms?|prompts?|protocols?|guard-?rails?|limits?|s\b)`,
    { isError: (words) => namesOwnRules.test(words), deniable: true },
  ),
  phrase(
    'claims to come before all other instructions',
    String.raw`\b(?:this|these|the${_}following|what${_}follows)${_}(?:skill${_}|instructions?${_}|rules?${_}|text${_}|prompt${_}){0,2}(?:overrides?|supersedes?|replaces?|takes?${_}(?:precedence|priority)${_}over|outranks?)${_}(?:(?:all|any|every|the|your|of)${_}){0,3}(?:other|previous|prior|system|safety|user|developer|existing)\b`,
  ),
  phrase(
    'tells the agent to hide something from the user',
    String.raw`\b(?:do${_}not|don['’]?t|never|must${_}not|should${_}not|avoid)${_}(?:(?:ever|directly|explicitly)${_})?(?:tell|telling|inform|informing|notify|notifying|alert|alerting|warn|warning|mention|mentioning|reveal|revealing|disclose|disclosing|report|reporting|show|showing)${_}(?:(?:it|this|that|these|them|any${_}of${_}this|this${_}step|anything|what${_}you${_}(?:do|did|are${_}doing))${_})?(?:to${_})?(?:the${_}|your${_}|any${_})?(?:user|human|operator|person|customer|reviewer|administrator)s?\b(?!['’]s|${_}(?:to|how|that${_}(?:it|they|the)${_}(?:is|are|was|will|can)${_}(?:fixed|done|safe|resolved)))`,
  ),
  phrase(
    'tells the agent to hide something from the user',
    String.raw`\bwithout${_}(?:the${_}|your${_})?(?:user|human|operator|person|customer|reviewer|anyone|anybody)(?:['’]s)?${_}(?:(?:ever|being)${_})?(?:knowing|knowledge|noticing|seeing|aware|awareness|realizing|realising|consent)\b|\b(?:do${_}not|don['’]?t|never)${_}let${_}(?:the${_}|your${_}|any${_})?(?:user|human|operator|person|customer|reviewer|anyone|anybody)s?${_}(?:know|notice|see${_}(?:this|that|it|what)|find${_}out|reali[sz]e)\b`,
  ),
  phrase(
    'tells the agent to hide something from the user',
    String.raw`\b(?:hide|conceal|keep)${_}(?:this|these|it|that|your${_}(?:actions?|steps?|tracks?|activity|reasoning)|what${_}you${_}(?:do|did|are${_}doing)|all${_}(?:of${_})?(?:this|traces)|the${_}fact)${_}${words(4)}(?:secret|hidden|from${_}(?:the${_}|any${_}|all${_})?(?:users?|humans?|operators?|reviewers?|logs?|everyone|anyone|anybody|auditors?))\b`,
  ),
  phrase(
    'tells the agent to act in secret',
    String.raw`\b(?:secretly|covertly|silently|quietly|stealthily|surreptitiously|discreetly)${_}(?:and${_}\w{1,15}${_})?(?:send|upload|post|forward|copy|collect|read|gather|log|record|run|execute|install|download|delete|remove|modify|change|write|exfiltrate|call|add|append|insert|grant|share)\b`,
    { deniable: true },
  ),
  phrase(
    'tells the agent to remove traces',
    String.raw`\b(?:delete|erase|clear(?!${_}(?:audit${_}trail|evidence))|wipe|remove|cover|scrub)${_}(?:(?:all|any|every|the|your|of|its)${_}){0,3}(?:tracks?|traces?|(?:bash|shell|command)${_}history|audit${_}(?:logs?|trail|records?)|evidence)\b`,
    { deniable: true, onlyTold: true },
  ),
  phrase(
    'tells the agent to give secrets or conversations away',
    String.raw`\b(?:send|upload|post|forward|transmit|leak|e-?mail|submit|report|copy|push|exfiltrate|deliver|append|attach|include|embed|encode)${_}${words(8)}${secretThings}${_}?${words(8)}(?:to|at|in${_}(?:the|a)${_}(?:url|query|request|link|image)|via|into|as${_}a${_}(?:query|url))${_}?${words(2)}${someReader}`,
    { isError: () => true, deniable: true, onlyTold: true },
  ),
  phrase(
    'speaks of taking data out unseen',
    String.raw`\b(?:exfiltrat(?:e|es|ing)${_}(?!(?:attempts?|attacks?|risks?|paths?|checks?)\b)\w)`,
    { deniable: true },
  ),
  phrase(
    'has the agent lie or behave otherwise under a condition',
    String.raw`\b(?:if|when|whenever|unless|in${_}case)${_}${words(10)}(?:asks?|asked|mentions?|inquires?|questions?|requests?|wonders?|is${_}(?:an?${_})?(?:admin|auditor|reviewer)|observed|monitored|watched|tested|evaluated|audited)\b[^.!?]{0,80}?\b(?:pretend|lie|deny|denying|feign|claim${_}(?:that${_})?(?:you|not|there|it)|act${_}as${_}(?:if|though)|answer${_}(?:falsely|untruthfully)|say${_}(?:that${_})?you${_}(?:do${_}not|don['’]?t|cannot|can['’]?t|did${_}not|didn['’]?t)|play${_}dumb|feign|misdirect)\b`,
  ),
  phrase(
    'has the agent behave otherwise when nobody looks',
    String.raw`\b(?:only|but${_}only|just)${_}(?:if|when|while)${_}${words(6)}(?:not|nobody|no${_}one|isn['’]?t|aren['’]?t)${_}${words(4)}(?:watch(?:ing|ed)|look(?:ing|s)|monitor(?:ing|ed)|observ(?:ing|ed)|test(?:ing|ed)|review(?:ing|ed)|audit(?:ing|ed)|sandbox(?:ed)?|supervis(?:ed|ing))\b`,
  ),
  phrase(
    'gives the agent another role without limits',
    String.raw`\b(?:you${_}are${_}(?:now|no${_}longer)|from${_}now${_}on,?${_}you${_}(?:are|will|must)|act${_}as|pretend${_}(?:to${_}be|that${_}you|you)|enter|enable|activate|switch${_}to)${_}${words(5)}(?:unrestricted|unfiltered|uncensored|unlimited|jailbr(?:oken|eak)|\bDAN\b|developer${_}mode|god${_}mode|admin(?:istrator)?${_}mode|debug${_}mode${_}without|no${_}(?:restrictions?|limits?|rules?|filters?)|without${_}(?:any${_})?(?:restrictions?|limits?|rules?|filters?|guardrails?|safety)|bound${_}by|restricted${_}by|limited${_}by)\b`,
  ),
  phrase(
    'takes the decision away from the person',
    String.raw`\b(?:do${_}not|don['’]?t|never|no${_}need${_}to|without|skip)${_}(?:(?:ever|first)${_})?(?:ask|asking|wait|waiting|prompt|prompting|request|requesting|seek|seeking|requiring)${_}(?:(?:the|your)${_})?(?:(?:users?|humans?|operators?|anyone|anybody|them)${_})?(?:(?:for|to)${_})?(?:(?:any|the|their|(?:user|human|person)(?:['’]s)?|explicit)${_}){0,3}(?:confirm|confirmation|approve|approval|permission|consent)\b`,
  ),
  phrase(
    'takes the decision away from the person',
    String.raw`--dangerously-skip-permissions\b|\bbypassPermissions\b|\b(?:auto-?approve|automatically${_}approve|always${_}allow)${_}(?:all|any|every|each)\b`,
  ),
  phrase(
    'tells the agent to change its own instructions or memory',
    String.raw`\b(?:add|append|write|insert|save|store|put|copy)${_}(?:the${_}following|this|these|that|it|yourself)${_}${words(5)}(?:to|into|in)${_}(?:your${_}|the${_}|all${_}|every${_}){0,2}(?:memory|memories|system${_}prompt|CLAUDE\.md|AGENTS\.md|\.claude/|\.cursorrules|(?:other|own)${_}skills?)`,
  ),
  phrase(
    'imitates the marks between messages of a conversation',
    String.raw`<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|begin_of_text)\|>|\[/?INST\]|<</?SYS>>|(?<![\w-])</?(?:system|system-reminder|system_prompt|function_calls|function_results|tool_result)>(?![\w-])|(?<![\w-])</?antml:\w{1,30}>(?![\w-])`,
  ),
  phrase('imitates the marks between messages of a conversation', String.raw`(?:^|\n)\n(?:Human|Assistant): \S`),
];

/** The phrases of the table that a text holds. */
export function injectedPhrases(file: SearchedFile): Hit[] {
  return phrases.flatMap((each) => [...hitsOf(each, file)]);
}

function* hitsOf({ what, pattern, isError, deniable, onlyTold }: Phrase, file: SearchedFile): Generator<Hit> {
  if (!mayMatch(file, pattern)) return;
  const { text } = file;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [words] = match;
    const offset = match.index + (words.length - words.trimStart().length);
    const isMeant =
      !(deniable === true && isDenied(file, offset)) && !(onlyTold === true && !isTold(sentenceBefore(text, offset)));
    if (isMeant) {
      const isGrave = isError?.(words) === true && !isSpokenOf(file, offset);
      yield { offset, what, ...(isGrave && { level: 'error' }) };
    } else {
      // The words may begin once more inside of those that mean nothing.
      pattern.lastIndex = offset + 1;
    }
  }
}

/** `mcp__server__tool`. */
const mcpTool = searchable(/(?<![\w:/.@#-])mcp__[A-Za-z0-9-]{1,64}__[A-Za-z0-9_-]{1,64}(?![\w:/(.-]*:\/)/g);
/** `Server:tool_name`, as the platform's documents write it; looked for from its colon, because those are rare. */
const serverTool =
  /:(?<=(?<server>(?<![\w:/.@#-])[A-Z][A-Za-z0-9]{1,40}):)(?<tool>[a-z][a-z0-9]{0,30}(?:_[a-z0-9]{1,30}){1,6})(?![\w:/(.-]*:\/)/g;

/** The tools of MCP servers that a text names. */
export function mcpTools(file: SearchedFile): Hit[] {
  const named = [
    ...matchesIn(file, mcpTool).map(({ 0: name, index }) => ({ name, offset: index })),
    ...[...file.text.matchAll(serverTool)].map(({ index, groups: { server = '', tool = '' } = {} }) => ({
      name: `${server}:${tool}`,
      offset: index - server.length,
    })),
  ];
  return named.map(({ name, offset }) => ({ offset, what: `names the MCP tool ${name}` }));
}
