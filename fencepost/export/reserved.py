"""Words that cannot name anything in the target languages, in lower case."""

_PROMELA = """
active always assert atomic bit bool break byte c_code c_decl c_expr c_state c_track chan
d_proctype d_step d_steps do else empty enabled equivalent eval eventually false fi for full
get_priority goto hidden if implies in init inline int len local ltl mtype nempty never next nfull
notrace np_ od of pc_value pid printf printm priority proctype provided release return run select
set_priority short show skip stdin strong stronguntil timeout trace true typedef unless unsigned
until weak weakuntil xr xs xu
"""

# Spin's verifier is C, goes through the preprocessor, and keeps the model's names.
_C_AND_VERIFIER = """
asm auto case char const continue default double enum extern float i386 linux long main register
restrict return signed sizeof static struct switch typeof union unix void volatile while
bfs_do_store cas enter_critical eof final get16bits get_permuted getframe grab_state iam_alive
leave_critical max maxseq0 minseq0 mix now null onstack_now onstack_put onstack_zap pptr q_sz qptr
rand rot stack t this trail trpt uchar uint ulong ushort wasnew
"""

_MURPHI = """
alias array as assert assume begin boolean by case clear const cover do else elsif end endalias
endexists endfor endforall endfunction endif endprocedure endrecord endrule endruleset
endstartstate endswitch endwhile enum error exists external false for forall function if in
interface invariant ismember isundefined liveness multiset multisetadd multisetcount
multisetremove multisetremovepred of procedure process program property put real record return
rule ruleset scalarset startstate switch then to traceuntil true type undefine undefined union
until var while
"""

PROMELA = frozenset((_PROMELA + _C_AND_VERIFIER).split())
MURPHI = frozenset(_MURPHI.split())
