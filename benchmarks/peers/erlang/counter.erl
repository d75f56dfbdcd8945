%% A counter as Erlang/OTP programs write it: a gen_server, called with gen_server:call.
%%
%% Two nodes run this module. `serve` is the measured one: it holds the counter and the dets table.
%% `load` reads one measurement a line from its standard input, "Kind InFlight Targets DurationMs",
%% and answers "measured Operations Microseconds"; its callers run on the load node, except for
%% `local`, which runs inside the measured node by nature.
%%
%% In memory all callers share one counter, whatever Targets says: on two cores that is faster here
%% than a counter for each of them.
%%
%% A durable increment is written to dets and answered after dets:sync/1. The table's owner keeps the
%% counts, and when its mailbox is empty it inserts and syncs all new ones at once and answers all
%% that waited: a group commit.
-module(counter).
-behaviour(gen_server).
-export([serve/0, load/0, run_increments/3]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

serve() ->
    [Folder] = init:get_plain_arguments(),
    {ok, _} = gen_server:start({local, ?MODULE}, ?MODULE, counter, []),
    {ok, _} = gen_server:start({local, table}, ?MODULE, {table, Folder}, []),
    serve_until_end_of_input().

serve_until_end_of_input() ->
    io:format("ready~n"),
    _ = io:get_line(""),
    halt().

load() ->
    [Server] = init:get_plain_arguments(),
    Node = list_to_atom(Server),
    pong = net_adm:ping(Node),
    io:format("ready ~s~n", [erlang:system_info(otp_release)]),
    load_loop(Node).

load_loop(Node) ->
    case io:get_line("") of
        eof -> halt();
        Line ->
            [Kind | Numbers] = string:lexemes(Line, " \n"),
            [InFlight, Targets, DurationMs] = [list_to_integer(N) || N <- Numbers],
            {Operations, Microseconds} = measure(Kind, Node, InFlight, Targets, DurationMs),
            io:format("measured ~b ~b~n", [Operations, Microseconds]),
            load_loop(Node)
    end.

measure("local", Node, InFlight, _Targets, DurationMs) ->
    rpc:call(Node, ?MODULE, run_increments, [?MODULE, InFlight, DurationMs]);
measure("remote", Node, InFlight, _Targets, DurationMs) ->
    run_increments({?MODULE, Node}, InFlight, DurationMs);
measure("durable", Node, InFlight, Targets, DurationMs) ->
    run(fun(Caller) ->
        Key = Caller rem Targets,
        fun() -> gen_server:call({table, Node}, {increment, Key, 1}, infinity) end
    end, InFlight, DurationMs).

run_increments(Counter, InFlight, DurationMs) ->
    run(fun(_Caller) ->
        fun() -> gen_server:call(Counter, {increment, 1}, infinity) end
    end, InFlight, DurationMs).

%% Keeps InFlight callers calling for DurationMs; counts the answers and the time they took.
run(CallOf, InFlight, DurationMs) ->
    Self = self(),
    Began = erlang:monotonic_time(microsecond),
    Deadline = Began + DurationMs * 1000,
    Callers = [
        spawn_link(fun() -> Self ! {self(), call_until(Deadline, CallOf(Caller), 0)} end)
     || Caller <- lists:seq(0, InFlight - 1)
    ],
    Operations = lists:sum([receive {Pid, Count} -> Count end || Pid <- Callers]),
    {Operations, erlang:monotonic_time(microsecond) - Began}.

call_until(Deadline, Call, Count) ->
    Call(),
    case erlang:monotonic_time(microsecond) >= Deadline of
        true -> Count + 1;
        false -> call_until(Deadline, Call, Count + 1)
    end.

init(counter) ->
    {ok, 0};
init({table, Folder}) ->
    File = filename:join(Folder, "counters.dets"),
    {ok, Table} = dets:open_file(counters, [{file, File}, {auto_save, infinity}]),
    {ok, {Table, maps:from_list(dets:match_object(Table, '_')), []}}.

handle_call({increment, By}, _From, Count) ->
    {reply, Count + By, Count + By};
handle_call({increment, Key, By}, From, {Table, Counts, Waiting}) ->
    Count = maps:get(Key, Counts, 0) + By,
    {noreply, {Table, Counts#{Key => Count}, [{From, Key, Count} | Waiting]}, 0}.

handle_cast(_, State) ->
    {noreply, State}.

handle_info(timeout, {Table, Counts, Waiting}) ->
    InOrder = lists:reverse(Waiting),
    ok = dets:insert(Table, [{Key, Count} || {_, Key, Count} <- InOrder]),
    ok = dets:sync(Table),
    [gen_server:reply(From, Count) || {From, _, Count} <- InOrder],
    {noreply, {Table, Counts, []}}.
