//! The stable codes of everything that can be wrong with a file.

/// Which kind of file is read; the problems any TOML file can have carry its own codes in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Workflow,
    Rules,
    Calendar,
}

/// Defines [`Code`] and [`CODES`] from one table.
macro_rules! codes {
    ($($name:ident $code:literal $zh:literal $en:literal)*) => {
        /// What is wrong, as a code that never changes once given.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $en] $name,)*
        }

        impl Code {
            /// The code as people see it (`WF0004`).
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }

        /// Every code with its meaning in Chinese and in English, in the order of the table in the documentation.
        pub const CODES: &[(&str, &str, &str)] = &[$(($code, $zh, $en),)*];
    };
}

codes! {
    WorkflowSyntax "WF0001" "不是合法的 TOML" "not valid TOML"
    WorkflowUnknownKey "WF0002" "不认识的键" "a key that does not belong there"
    WorkflowMissingKey "WF0003" "缺少必需的键" "a key that must be there is missing"
    WorkflowWrongType "WF0004" "值的类型不对" "a value of the wrong type"
    WorkflowBadValue "WF0005" "值的写法不对" "a value that cannot be read"
    WorkflowBadName "WF0006" "标识的写法不对" "an id or name that is not written as one"
    WorkflowTooLarge "WF0007" "超出限额" "more than is allowed"
    WorkflowSchema "WF0008" "文件格式的版本不认识" "a file format this program does not know"
    WorkflowConflict "WF0009" "互相排斥的写法" "keys or values that exclude each other"
    UnknownState "WF0010" "没有这个状态" "no such state"
    UnknownEvent "WF0011" "没有这个事件" "no such event"
    UnknownRole "WF0012" "没有这个角色" "no such role"
    UnknownLadder "WF0013" "没有这组提醒" "no such ladder"
    UnknownGuard "WF0014" "没有这个条件" "no such guard"
    UnknownField "WF0015" "没有这个字段" "no such field"
    UnknownTemplate "WF0016" "没有这个模板" "no such message template"
    UnknownCalendar "WF0017" "没有这个工作日历" "no such calendar"
    UnknownRule "WF0018" "没有这条规则" "no such rule"
    UnknownParam "WF0019" "没有这个参数" "no such param"
    UnknownWorkflow "WF0020" "没有这个流程" "no such workflow"
    UnknownDeadline "WF0021" "没有这个期限" "no such deadline"
    Guard "WF0022" "条件表达式有误" "a guard expression that cannot be compiled"
    NoFinalState "WF0023" "没有终结状态" "no final state"
    UnreachableState "WF0024" "到不了的状态" "a state nothing leads to"
    FinalState "WF0025" "终结状态里还有后续" "something still happens in a final state"
    ReservedEvent "WF0026" "事件名为系统保留" "an event name that is built in"
    NeverTaken "WF0027" "永远不会走到的转移" "a transition that is never taken"
    NeverFires "WF0028" "永远不会发出的提醒" "a rung that never fires"
    LengthUnit "WF0029" "期限单位与起算点不符" "a length whose unit does not fit its start"
    FieldKind "WF0030" "字段类型不合" "a field or value of a kind that does not fit"
    AskWithoutStart "WF0031" "没有可询问的起算事实" "an `ask` whose start needs no asking"
    DeadEnd "WF0032" "出不去的状态" "a state nothing leads out of"
    NeverResumed "WF0033" "停表后无事件恢复" "a clock that no event lets go on"
    Unused "WF0034" "定义了却没有用到" "defined but never used"
    TestOrder "WF0035" "测试步骤的时间倒退" "the steps of a test go back in time"
    Untested "WF0036" "没有测试走过的转移" "a transition no test takes"
    DuplicateWorkflow "WF0037" "流程标识重复" "two files with one workflow id"
    NotPossible "WF0038" "事件在此期限的状态里不会发生" "an event that cannot happen while the deadline runs"
    RulesSyntax "RU0001" "不是合法的 TOML" "not valid TOML"
    RulesUnknownKey "RU0002" "不认识的键" "a key that does not belong there"
    RulesMissingKey "RU0003" "缺少必需的键" "a key that must be there is missing"
    RulesWrongType "RU0004" "值的类型不对" "a value of the wrong type"
    RulesBadValue "RU0005" "值的写法不对" "a value that cannot be read"
    RulesBadName "RU0006" "标识的写法不对" "an id or name that is not written as one"
    RulesTooLarge "RU0007" "超出限额" "more than is allowed"
    RulesSchema "RU0008" "文件格式的版本不认识" "a file format this program does not know"
    RulesConflict "RU0009" "互相排斥的写法" "keys or values that exclude each other"
    RulesTie "RU0010" "两条规则同等适用" "two rows answer the same question with equal right"
    DuplicatePack "RU0011" "规则包标识重复" "two files with one pack id"
    CalendarSyntax "CA0001" "不是合法的 TOML" "not valid TOML"
    CalendarUnknownKey "CA0002" "不认识的键" "a key that does not belong there"
    CalendarMissingKey "CA0003" "缺少必需的键" "a key that must be there is missing"
    CalendarWrongType "CA0004" "值的类型不对" "a value of the wrong type"
    CalendarBadValue "CA0005" "值的写法不对" "a value that cannot be read"
    CalendarBadName "CA0006" "标识的写法不对" "an id or name that is not written as one"
    CalendarTooLarge "CA0007" "超出限额" "more than is allowed"
    CalendarSchema "CA0008" "文件格式的版本不认识" "a file format this program does not know"
    CalendarConflict "CA0009" "互相排斥的写法" "keys or values that exclude each other"
    CalendarDays "CA0010" "日期自相矛盾" "days that contradict each other"
    CalendarBase "CA0011" "没有所扩展的日历" "the calendar that is extended is missing"
    SettingsSyntax "CF0001" "不是合法的 TOML" "not valid TOML"
    SettingsUnknownKey "CF0002" "不认识的设置" "a setting that does not exist"
    SettingsWrongType "CF0003" "值的类型不对" "a value of the wrong type"
    SettingsBadValue "CF0004" "值的写法不对" "a value that cannot be read"
    SettingsUnknownName "CF0005" "设置所指的东西不存在" "a setting names something that does not exist"
    SettingsProvider "CF0006" "通道或人员的设置有误" "a provider or member of staff that cannot work"
    TemplateBroken "CF0007" "消息模板有误" "a message template that cannot be used"
    SettingsUnreadable "CF0008" "配置的文件读不了" "a configuration file that cannot be read"
    ProviderSetting "NT0001" "[providers.*] 的一个值不能用" "a value in [providers.*] that cannot work"
    ProviderFile "NT0002" "[providers.*] 所指的文件读不了" "a file named in [providers.*] cannot be read"
    RouteUnknownProvider "NT0011" "路由指向不存在的服务商" "a route to a provider that does not exist"
}

/// The problems every kind of file can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basic {
    Syntax,
    UnknownKey,
    MissingKey,
    WrongType,
    BadValue,
    BadName,
    TooLarge,
    Schema,
    Conflict,
}

impl Family {
    /// This family's code for a problem every file can have.
    pub(crate) fn code(self, basic: Basic) -> Code {
        use Code as C;
        let [workflow, rules, calendar] = match basic {
            Basic::Syntax => [C::WorkflowSyntax, C::RulesSyntax, C::CalendarSyntax],
            Basic::UnknownKey => [
                C::WorkflowUnknownKey,
                C::RulesUnknownKey,
                C::CalendarUnknownKey,
            ],
            Basic::MissingKey => [
                C::WorkflowMissingKey,
                C::RulesMissingKey,
                C::CalendarMissingKey,
            ],
            Basic::WrongType => [
                C::WorkflowWrongType,
                C::RulesWrongType,
                C::CalendarWrongType,
            ],
            Basic::BadValue => [C::WorkflowBadValue, C::RulesBadValue, C::CalendarBadValue],
            Basic::BadName => [C::WorkflowBadName, C::RulesBadName, C::CalendarBadName],
            Basic::TooLarge => [C::WorkflowTooLarge, C::RulesTooLarge, C::CalendarTooLarge],
            Basic::Schema => [C::WorkflowSchema, C::RulesSchema, C::CalendarSchema],
            Basic::Conflict => [C::WorkflowConflict, C::RulesConflict, C::CalendarConflict],
        };
        match self {
            Family::Workflow => workflow,
            Family::Rules => rules,
            Family::Calendar => calendar,
        }
    }
}

impl Code {
    /// Whether the problem lies in the one place it is shown at. Others can be mere consequences of text that a syntax
    /// error made unreadable, and are left out beside one.
    pub(crate) fn is_local(self) -> bool {
        let number = &self.as_str()[2..];
        matches!(number, "0001" | "0002" | "0005" | "0006" | "0008") || self == Code::ReservedEvent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_shaped_alike() {
        let mut seen = std::collections::BTreeSet::new();
        for (code, zh, en) in CODES {
            assert!(seen.insert(code), "{code} comes twice");
            assert_eq!(code.len(), 6);
            assert!(!zh.is_empty() && !en.is_empty());
        }
    }
}
